/* Sum a feed by year: java -cp 'lib/*' FeedTotals.java BROKER USER PASSWORD TOPIC [KEY]
 * lib: kafka-clients, jackson-databind, jose4j, and what they need. Prints what feed_totals.py prints. */

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.jose4j.jwe.JsonWebEncryption;
import org.jose4j.jwk.EllipticCurveJsonWebKey;
import org.jose4j.jwk.JsonWebKey;

class FeedTotals {
    public static void main(String[] given) throws Exception {
        String login = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";";
        Map<String, Object> settings = Map.of("bootstrap.servers", given[0], "security.protocol", "SASL_PLAINTEXT",
            "sasl.mechanism", "SCRAM-SHA-512", "sasl.jaas.config", login.formatted(given[1], given[2]));
        Map<String, JsonNode> newest = new HashMap<>();
        ObjectMapper json = new ObjectMapper();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            var partitions = consumer.partitionsFor(given[3]).stream().map(p -> new TopicPartition(p.topic(), p.partition())).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (record.value() == null || record.value().isEmpty()) continue;
                    JsonNode body = json.readTree(record.value()); // CloudEvents in binary mode: attributes are headers
                    newest.merge(record.key(), body, (a, b) -> b.get("revision").asLong() >= a.get("revision").asLong() ? b : a);
                }
            }
        } catch (ApiException error) { // without a stack trace, which `java FILE` needs to show it
            System.err.println("Kafka does not answer, or refuses: " + error.getMessage());
            System.exit(1);
        }
        Map<Integer, long[]> totals = new TreeMap<>();
        for (JsonNode body : newest.values()) {
            if (given.length > 4 && body.hasNonNull("cpr")) open(body, Path.of(given[4]));
            long exempt = body.path("exempt").asLong(), excess = body.path("excess").asLong();
            if (exempt + excess == 0) continue; // a year at zero, an end, or the state of a card
            long[] sums = totals.computeIfAbsent(body.get("year").asInt(), year -> new long[3]);
            sums[0]++;
            sums[1] += exempt;
            sums[2] += excess;
        }
        totals.forEach((year, sums) -> System.out.println(year + " " + sums[0] + " " + sums[1] + " " + sums[2]));
    }

    static void open(JsonNode body, Path key) throws Exception {
        JsonWebEncryption jwe = new JsonWebEncryption();
        jwe.setCompactSerialization(body.get("cpr").asText());
        jwe.setKey(((EllipticCurveJsonWebKey) JsonWebKey.Factory.newJwk(Files.readString(key))).getPrivateKey());
        boolean isOfCard = jwe.getHeader("sub").equals(body.get("card_id").asText());
        if (jwe.getPlaintextString().length() != 10 || !isOfCard) throw new IllegalStateException("not the number of this card");
    }
}
