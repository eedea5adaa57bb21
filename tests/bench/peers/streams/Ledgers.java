import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * The ledgers in Kafka Streams: the Processor API over a RocksDB store with a changelog topic.
 *
 * <p>Settings, and where the advice comes from (Kafka 4.3's own documentation: "Configuring a Streams Application",
 * "Memory Management", and the settings of the producer and the consumer):
 *
 * <ul>
 *   <li>exactly_once_v2, unless BENCH_GUARANTEE says at-least-once;
 *   <li>as many stream threads as the machine has cores;
 *   <li>a commit every 1 s: the 100 ms that exactly_once_v2 brings is for latency. Until then a card's year is in the
 *       record cache, and goes to RocksDB and the changelog once however often it changed;
 *   <li>64 MB of record cache (default 10): all that an interval changes fits;
 *   <li>batches of up to 256 kB, as the producer's documentation advises for throughput, after Streams' own linger of
 *       100 ms; no compression, as nobody here compresses: there is no network between them.
 * </ul>
 */
public final class Ledgers {
    private static final String STORE = "ledgers";
    private static final ObjectMapper JSON =
            new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

    private Ledgers() {}

    public static void main(String[] arguments) throws InterruptedException, IOException {
        KafkaStreams streams = new KafkaStreams(topology(told("SOURCE"), told("SINK")), settings());
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close();
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }

    private static Topology topology(String source, String sink) {
        var bytes = Serdes.ByteArray();
        return new Topology()
                .addSource("earnings", bytes.deserializer(), bytes.deserializer(), source)
                .addProcessor("settle", Settle::new, "earnings")
                .addStateStore(
                        Stores.keyValueStoreBuilder(
                                        Stores.persistentKeyValueStore(STORE), Serdes.String(), Ledger.serde())
                                .withCachingEnabled(),
                        "settle")
                .addSink("balances", sink, bytes.serializer(), bytes.serializer(), "settle");
    }

    /** The user and TLS of the contestant's environment variables. */
    private static Map<String, String> security(Map<String, String> given) throws IOException {
        Map<String, String> settings = new HashMap<>();
        String user = given.get("FRIKORT_KAFKA_USER");
        String transport = "true".equals(given.get("FRIKORT_KAFKA_TLS")) ? "SSL" : "PLAINTEXT";
        settings.put(StreamsConfig.SECURITY_PROTOCOL_CONFIG, user == null ? transport : "SASL_" + transport);
        String authority = given.get("FRIKORT_KAFKA_CA_FILE");
        if (authority != null) {
            settings.put(SslConfigs.SSL_TRUSTSTORE_TYPE_CONFIG, "PEM");
            settings.put(SslConfigs.SSL_TRUSTSTORE_LOCATION_CONFIG, authority);
        }
        if (user != null) {
            String file = given.get("FRIKORT_KAFKA_PASSWORD_FILE");
            String password = file == null ? given.get("FRIKORT_KAFKA_PASSWORD") : Files.readString(Path.of(file)).strip();
            settings.put(SaslConfigs.SASL_MECHANISM, "SCRAM-SHA-512");
            settings.put(
                    SaslConfigs.SASL_JAAS_CONFIG,
                    "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";"
                            .formatted(user, password));
        }
        return settings;
    }

    private static Properties settings() throws IOException {
        String guarantee = System.getenv().getOrDefault("BENCH_GUARANTEE", "exactly-once");
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, told("GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("FRIKORT_KAFKA"));
        settings.putAll(security(System.getenv()));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, told("STATE"));
        settings.put(
                StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                guarantee.equals("exactly-once") ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Runtime.getRuntime().availableProcessors());
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64L * 1024 * 1024);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 * 1024);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 2000);
        return settings;
    }

    private static String told(String name) {
        String value = System.getenv("BENCH_" + name);
        if (value == null) {
            throw new IllegalStateException("BENCH_" + name + " is not set.");
        }
        return value;
    }

    /** One report event in, the card's year written, its events out. */
    private static final class Settle implements Processor<byte[], byte[], byte[], byte[]> {
        private static final Set<String> REPORTS = Set.of(
                "dk.frikort.earnings.reported.v1",
                "dk.frikort.earnings.corrected.v1",
                "dk.frikort.earnings.withdrawn.v1");
        private static final ObjectReader EVENTS = JSON.readerFor(Ledger.Event.class);
        private static final ObjectWriter BODIES = JSON.writer();

        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<String, Ledger> ledgers;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
            ledgers = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            if (!REPORTS.contains(text(record.headers(), "ce_type"))) {
                return;
            }
            try {
                Ledger.Event event = EVENTS.readValue(record.value());
                String year = event.cardId() + ":" + event.year();
                Ledger known = ledgers.get(year);
                Ledger ledger = known == null ? new Ledger() : known;
                List<Told> told = ledger.decide(event);
                ledgers.put(year, ledger);
                for (int number = 0; number < told.size(); number++) {
                    byte[] body = BODIES.writeValueAsBytes(told.get(number).body());
                    Headers headers = headersOf(record.headers(), told.get(number).type(), number);
                    context.forward(record.withValue(body).withHeaders(headers));
                }
            } catch (IOException broken) {
                throw new UncheckedIOException(broken);
            }
        }

        private static Headers headersOf(Headers cause, String type, int number) {
            Headers headers = new RecordHeaders();
            add(headers, "ce_specversion", "1.0");
            add(headers, "ce_id", text(cause, "ce_id") + ":" + number);
            add(headers, "ce_type", type);
            add(headers, "ce_source", "/frikort/peer");
            for (String same : new String[] {"ce_time", "ce_subject", "ce_correlationid"}) {
                headers.add(same, cause.lastHeader(same).value());
            }
            headers.add("ce_causationid", cause.lastHeader("ce_id").value());
            add(headers, "content-type", "application/json");
            return headers;
        }

        private static void add(Headers headers, String name, String value) {
            headers.add(name, value.getBytes(StandardCharsets.UTF_8));
        }

        private static String text(Headers headers, String name) {
            return new String(headers.lastHeader(name).value(), StandardCharsets.UTF_8);
        }
    }
}
