import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** A card's year, with the rule of tests/bench/peers/rule.py, in integer øre; in the store as a few packed fields. */
final class Ledger {
    /** What the ledger reads of a report event's JSON body. A withdrawal has no total and no allowance. */
    record Event(
            @JsonProperty("card_id") String cardId,
            @JsonProperty("year") int year,
            @JsonProperty("report_id") String reportId,
            @JsonProperty("revision") int revision,
            @JsonProperty("employment_id") String employmentId,
            @JsonProperty("cvr") String cvr,
            @JsonProperty("total") long total,
            @JsonProperty("allowance") Long allowance,
            @JsonProperty("provisional") boolean provisional) {}

    private record Entry(int revision, long total, long exempt, String employmentId, String cvr) {
        long excess() {
            return total - exempt;
        }
    }

    private static final String[] THRESHOLDS = {"near", "reached", "exceeded"};

    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private long reported;
    private long allowance;
    private boolean provisional;
    private int warned;
    private int revision;
    private int deliveries;

    /** Enters the event and returns what is published of it. A repeat changes nothing and is answered again. */
    List<Told> decide(Event event) {
        deliveries++;
        Entry known = entries.get(event.reportId());
        List<String> settled = new ArrayList<>();
        settled.add(event.reportId());
        int before = warned;
        if (known == null || event.revision() > known.revision()) {
            enter(event, known);
            settle(event.reportId(), settled);
            revision++;
            warned = crossed();
        }
        List<Told> told = new ArrayList<>();
        for (String reportId : settled) {
            told.add(settled(event, reportId));
        }
        told.add(balance(event));
        for (int number = 0; number < THRESHOLDS.length; number++) {
            int changed = (before ^ warned) & 1 << number;
            if (changed != 0) {
                boolean raised = (warned & changed) != 0;
                told.add(Told.warning(event, revision, THRESHOLDS[number], allowance, reported, raised));
            }
        }
        return told;
    }

    private void enter(Event event, Entry known) {
        long exempt = known == null ? 0 : known.exempt();
        reported += event.total() - (known == null ? 0 : known.total());
        // The exempt part of before; settling says whether it changes.
        entries.put(
                event.reportId(),
                new Entry(event.revision(), event.total(), exempt, event.employmentId(), event.cvr()));
        if (event.allowance() != null) {
            allowance = event.allowance();
            provisional = event.provisional();
        }
    }

    private void settle(String entered, List<String> settled) {
        long remaining = allowance;
        for (Map.Entry<String, Entry> of : entries.entrySet()) {
            Entry entry = of.getValue();
            long exempt = Math.min(entry.total(), remaining);
            remaining -= exempt;
            if (exempt != entry.exempt()) {
                of.setValue(
                        new Entry(entry.revision(), entry.total(), exempt, entry.employmentId(), entry.cvr()));
                if (!of.getKey().equals(entered)) {
                    settled.add(of.getKey());
                }
            }
        }
    }

    private int crossed() {
        if (allowance == 0) {
            return 0;
        }
        return (100 * reported >= 80 * allowance ? 1 : 0)
                | (reported >= allowance ? 2 : 0)
                | (reported > allowance ? 4 : 0);
    }

    private Told settled(Event event, String reportId) {
        Entry entry = entries.get(reportId);
        return new Told(
                "dk.frikort.report.settled.v1",
                new Told.Settled(
                        event.cardId(),
                        event.year(),
                        revision,
                        reportId,
                        entry.revision(),
                        entry.employmentId(),
                        entry.cvr(),
                        entry.total(),
                        entry.exempt(),
                        entry.excess(),
                        event.reportId()));
    }

    private Told balance(Event event) {
        long exempt = Math.min(reported, allowance);
        List<String> standing = new ArrayList<>();
        for (int number = 0; number < THRESHOLDS.length; number++) {
            if ((warned & 1 << number) != 0) {
                standing.add(THRESHOLDS[number]);
            }
        }
        return new Told(
                "dk.frikort.balance.changed.v1",
                new Told.Balance(
                        event.cardId(),
                        event.year(),
                        revision,
                        allowance,
                        provisional,
                        reported,
                        exempt,
                        reported - exempt,
                        allowance - exempt,
                        standing,
                        deliveries));
    }

    static Serde<Ledger> serde() {
        return Serdes.serdeFrom(
                (topic, ledger) -> ledger == null ? null : ledger.toBytes(),
                (topic, bytes) -> bytes == null ? null : fromBytes(bytes));
    }

    private byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(64 + 112 * entries.size());
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeLong(reported);
            out.writeLong(allowance);
            out.writeBoolean(provisional);
            out.writeByte(warned);
            out.writeInt(revision);
            out.writeInt(deliveries);
            out.writeInt(entries.size());
            for (Map.Entry<String, Entry> of : entries.entrySet()) {
                Entry entry = of.getValue();
                out.writeUTF(of.getKey());
                out.writeInt(entry.revision());
                out.writeLong(entry.total());
                out.writeLong(entry.exempt());
                out.writeUTF(entry.employmentId());
                out.writeUTF(entry.cvr());
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    private static Ledger fromBytes(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            Ledger ledger = new Ledger();
            ledger.reported = in.readLong();
            ledger.allowance = in.readLong();
            ledger.provisional = in.readBoolean();
            ledger.warned = in.readByte();
            ledger.revision = in.readInt();
            ledger.deliveries = in.readInt();
            for (int left = in.readInt(); left > 0; left--) {
                ledger.entries.put(
                        in.readUTF(),
                        new Entry(in.readInt(), in.readLong(), in.readLong(), in.readUTF(), in.readUTF()));
            }
            return ledger;
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }
}
