import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/** An output event: its CloudEvents type and its JSON body, as contracts/balance.py has them. */
record Told(String type, Object body) {
    record Settled(
            @JsonProperty("card_id") String cardId,
            @JsonProperty("year") int year,
            @JsonProperty("revision") int revision,
            @JsonProperty("report_id") String reportId,
            @JsonProperty("report_revision") int reportRevision,
            @JsonProperty("employment_id") String employmentId,
            @JsonProperty("cvr") String cvr,
            @JsonProperty("total") long total,
            @JsonProperty("exempt") long exempt,
            @JsonProperty("excess") long excess,
            @JsonProperty("caused_by") String causedBy) {}

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
            @JsonProperty("warned") List<String> warned,
            @JsonProperty("deliveries") int deliveries) {}

    record Warning(
            @JsonProperty("card_id") String cardId,
            @JsonProperty("year") int year,
            @JsonProperty("revision") int revision,
            @JsonProperty("threshold") String threshold,
            @JsonProperty("allowance") long allowance,
            @JsonProperty("reported") long reported) {}

    static Told warning(
            Ledger.Event event, int revision, String threshold, long allowance, long reported, boolean raised) {
        return new Told(
                raised ? "dk.frikort.cap-warning.raised.v1" : "dk.frikort.cap-warning.withdrawn.v1",
                new Warning(event.cardId(), event.year(), revision, threshold, allowance, reported));
    }
}
