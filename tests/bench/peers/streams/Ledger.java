import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/** A card's year, as tests/bench/peers/rule.py has it: the same rule, in integer øre. */
final class Ledger {
    /** What the ledger reads of a report event's JSON body. A withdrawal has no total and no allowance. */
    record Event(
            @JsonProperty("card_id") String cardId,
            @JsonProperty("year") int year,
            @JsonProperty("report_id") String reportId,
            @JsonProperty("revision") int revision,
            @JsonProperty("total") long total,
            @JsonProperty("allowance") Long allowance,
            @JsonProperty("provisional") boolean provisional) {}

    /** The JSON body of the one event that is published for each report event. */
    record Balance(
            @JsonProperty("card_id") String cardId,
            @JsonProperty("year") int year,
            @JsonProperty("revision") int revision,
            @JsonProperty("allowance") long allowance,
            @JsonProperty("provisional") boolean provisional,
            @JsonProperty("reported") long reported,
            @JsonProperty("exempt") long exempt,
            @JsonProperty("excess") long excess,
            @JsonProperty("remaining") long remaining,
            @JsonProperty("deliveries") int deliveries) {}

    private record Entry(int revision, long total) {}

    private static final Entry NONE = new Entry(0, 0);

    private final Map<String, Entry> entries;
    private long reported;
    private long allowance;
    private boolean provisional;
    private int revision;
    private int deliveries;

    Ledger() {
        this(new HashMap<>());
    }

    private Ledger(Map<String, Entry> entries) {
        this.entries = entries;
    }

    void apply(Event event) {
        deliveries++;
        Entry known = entries.getOrDefault(event.reportId(), NONE);
        if (event.revision() <= known.revision()) {
            return;
        }
        entries.put(event.reportId(), new Entry(event.revision(), event.total()));
        reported += event.total() - known.total();
        revision++;
        if (event.allowance() != null) {
            allowance = event.allowance();
            provisional = event.provisional();
        }
    }

    Balance balance(Event event) {
        long exempt = Math.min(reported, allowance);
        return new Balance(
                event.cardId(),
                event.year(),
                revision,
                allowance,
                provisional,
                reported,
                exempt,
                reported - exempt,
                allowance - exempt,
                deliveries);
    }

    static Serde<Ledger> serde() {
        Serializer<Ledger> to = (topic, ledger) -> ledger == null ? null : ledger.toBytes();
        Deserializer<Ledger> from = (topic, bytes) -> bytes == null ? null : fromBytes(bytes);
        return Serdes.serdeFrom(to, from);
    }

    private byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(64 + 56 * entries.size());
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeLong(reported);
            out.writeLong(allowance);
            out.writeBoolean(provisional);
            out.writeInt(revision);
            out.writeInt(deliveries);
            out.writeInt(entries.size());
            for (Map.Entry<String, Entry> entry : entries.entrySet()) {
                out.writeUTF(entry.getKey());
                out.writeInt(entry.getValue().revision());
                out.writeLong(entry.getValue().total());
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return bytes.toByteArray();
    }

    private static Ledger fromBytes(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            Ledger ledger = new Ledger(new HashMap<>());
            ledger.reported = in.readLong();
            ledger.allowance = in.readLong();
            ledger.provisional = in.readBoolean();
            ledger.revision = in.readInt();
            ledger.deliveries = in.readInt();
            for (int left = in.readInt(); left > 0; left--) {
                ledger.entries.put(in.readUTF(), new Entry(in.readInt(), in.readLong()));
            }
            return ledger;
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }
}
