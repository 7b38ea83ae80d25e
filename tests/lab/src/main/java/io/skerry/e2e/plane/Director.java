package io.skerry.e2e.plane;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.hivemq.extension.sdk.api.services.Services;
import com.hivemq.extension.sdk.api.services.publish.RetainedPublish;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.device.DesiredService;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.device.SlotOrder;
import io.skerry.control.host.ServerReady;
import io.skerry.control.link.ControlLink;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Row;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SamplingRates;
import io.skerry.protocol.SlotId;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Does inside a control plane what the fault tests ask for, as JSON over a loopback port; the port
 * is written to the file that the property {@value #PORT_FILE} names. Without that property there
 * is none.
 */
@Singleton
@Requires(property = Director.PORT_FILE)
public final class Director {
  /** Where to write the port. */
  public static final String PORT_FILE = "skerry.e2e.director";

  private static final long ANSWER_SECONDS = 10;

  private final Path portFile;
  private final Database database;
  private final DesiredService desired;
  private final ArtifactStore artifacts;
  private final SigningKeys keys;
  private final ControlLink link;
  private final BadArtifacts bad;
  private final Gson gson = new Gson();
  private @Nullable HttpServer server;

  Director(
      @Value("${" + PORT_FILE + "}") String portFile,
      Database database,
      DesiredService desired,
      ArtifactStore artifacts,
      SigningKeys keys,
      ControlLink link,
      BadArtifacts bad) {
    this.portFile = Path.of(portFile);
    this.database = database;
    this.desired = desired;
    this.artifacts = artifacts;
    this.keys = keys;
    this.link = link;
    this.bad = bad;
  }

  private interface Answer {
    JsonElement to(JsonObject question) throws Exception;
  }

  @EventListener
  void start(ServerReady ready) {
    Map<String, Answer> answers =
        Map.ofEntries(
            Map.entry("/order", this::order),
            Map.entry("/import", this::importLayout),
            Map.entry("/release", this::release),
            Map.entry("/keys", question -> keys()),
            Map.entry("/publish", this::publish),
            Map.entry("/retained", this::retained),
            Map.entry("/ledger", this::ledger),
            Map.entry("/windows", this::windows),
            Map.entry("/events", this::events),
            Map.entry("/bad-artifact", this::badArtifact),
            Map.entry("/bad-answers", this::badAnswers));
    try {
      HttpServer made =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      made.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      answers.forEach(
          (path, answer) -> made.createContext(path, exchange -> handle(exchange, answer)));
      made.start();
      server = made;
      Path part = portFile.resolveSibling(portFile.getFileName() + ".part");
      Files.writeString(part, Integer.toString(made.getAddress().getPort()));
      Files.move(part, portFile, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @PreDestroy
  void end() {
    if (server != null) {
      server.stop(0);
    }
  }

  private static void handle(HttpExchange exchange, Answer answer) throws IOException {
    int status = 200;
    String body;
    try {
      String question =
          new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      body = answer.to(JsonParser.parseString(question).getAsJsonObject()).toString();
    } catch (Exception e) {
      // Whatever it is, the test that asked shall read it.
      status = 500;
      body = e.toString();
    }
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    try (exchange) {
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  private JsonElement keys() {
    JsonObject known = new JsonObject();
    known.addProperty("release", keys.automationFile().toString());
    known.addProperty("root", keys.trust().root().version());
    return known;
  }

  private JsonElement order(JsonObject question) {
    SlotOrder order =
        new SlotOrder(
            ModelVersion.parse(question.get("version").getAsString()),
            Digest.parse(question.get("manifest").getAsString()),
            Digest.parse(question.get("signature").getAsString()),
            Optional.empty(),
            new SamplingRates(1, 1),
            Duration.ofMillis(question.get("windowMillis").getAsLong()),
            question.get("probationPredictions").getAsInt(),
            Duration.ofMillis(question.get("probationMillis").getAsLong()));
    DeviceId device = new DeviceId(question.get("device").getAsString());
    int ordered =
        database.call(
            transaction -> desired.order(transaction, List.of(device), new SlotId("main"), order));
    return gson.toJsonTree(ordered);
  }

  private JsonElement importLayout(JsonObject question) {
    ArtifactStore.Imported imported =
        artifacts.importLayout(Path.of(question.get("layout").getAsString()));
    JsonObject answer = new JsonObject();
    answer.addProperty("model", imported.model().toString());
    answer.addProperty("signature", imported.signature().toString());
    return answer;
  }

  /** Makes an artifact that was imported the variant of a version. */
  private JsonElement release(JsonObject question) {
    ModelVersion version = ModelVersion.parse(question.get("version").getAsString());
    database.run(
        transaction -> {
          transaction.update(
              """
              insert into model_version (model, version, source, format, blob, created_at)
              values (?, ?, 'import', 'onnx', 'x', now())
              """,
              version.model().value(),
              version.version());
          transaction.update(
              """
              insert into variant (model, version, profile, engine, precision, bytes, measured,
                winner, manifest, signature)
              values (?, ?, ?, 'onnxruntime', 'fp32', 1, 'none', true, ?, ?)
              """,
              version.model().value(),
              version.version(),
              question.get("profile").getAsString(),
              question.get("manifest").getAsString(),
              question.get("signature").getAsString());
        });
    return gson.toJsonTree(true);
  }

  private JsonElement publish(JsonObject question) {
    link.publish(
            question.get("topic").getAsString(),
            Base64.getDecoder().decode(question.get("payload").getAsString()),
            question.get("retained").getAsBoolean())
        .join();
    return gson.toJsonTree(true);
  }

  // Asked of the broker itself: what a device that connects now would be given.
  private JsonElement retained(JsonObject question) throws Exception {
    Optional<RetainedPublish> message =
        Services.retainedMessageStore()
            .getRetainedMessage(question.get("topic").getAsString())
            .get(ANSWER_SECONDS, java.util.concurrent.TimeUnit.SECONDS);
    ByteBuffer payload =
        message.flatMap(RetainedPublish::getPayload).orElse(ByteBuffer.allocate(0));
    byte[] bytes = new byte[payload.remaining()];
    payload.duplicate().get(bytes);
    return gson.toJsonTree(Base64.getEncoder().encodeToString(bytes));
  }

  /** What is stored of a device's records, by boot epoch and stream. */
  private JsonElement ledger(JsonObject question) {
    String device = question.get("device").getAsString();
    JsonArray answer = new JsonArray();
    database
        .call(
            transaction ->
                transaction.list(
                    "select * from ingest_ledger where device = ? order by boot_epoch, stream",
                    Director::ledgerRow,
                    device))
        .forEach(answer::add);
    for (JsonElement element : answer) {
      JsonObject row = element.getAsJsonObject();
      String stream = row.get("stream").getAsString();
      if (!stream.equals("samples")) {
        // Samples move on to the lake; the others stay one row a record.
        long rows =
            database.call(
                transaction ->
                    transaction.number(
                            "select count(*) from telemetry_%s where device = ? and boot_epoch = ?"
                                .formatted(table(stream)),
                            device,
                            row.get("epoch").getAsLong())
                        // What cannot be true, a window of the future say, is kept apart.
                        + transaction.number(
                            "select count(*) from telemetry_quarantine"
                                + " where device = ? and boot_epoch = ? and stream = ?"
                                + " and sequence is not null",
                            device,
                            row.get("epoch").getAsLong(),
                            stream));
        row.addProperty("rows", rows);
      }
    }
    return answer;
  }

  private static String table(String stream) {
    return switch (stream) {
      case "windows" -> "window";
      case "feedback" -> "feedback";
      case "events" -> "event";
      default -> throw new IllegalArgumentException("no table of stream " + stream);
    };
  }

  private static JsonObject ledgerRow(Row row) {
    JsonObject entry = new JsonObject();
    entry.addProperty("epoch", row.bigint("boot_epoch"));
    entry.addProperty("stream", row.text("stream"));
    entry.addProperty("highest", row.bigint("highest"));
    entry.addProperty("stored", row.bigint("stored"));
    entry.addProperty("duplicates", row.bigint("duplicates"));
    entry.addProperty("givenUp", row.bigint("given_up") + row.bigint("damaged"));
    return entry;
  }

  private JsonElement windows(JsonObject question) {
    return gson.toJsonTree(
        database.call(
            transaction ->
                transaction.number(
                    "select coalesce(sum(predictions + skipped), 0) from telemetry_window"
                        + " where device = ?",
                    question.get("device").getAsString())));
  }

  private JsonElement events(JsonObject question) {
    JsonArray answer = new JsonArray();
    database
        .call(
            transaction ->
                transaction.list(
                    "select code from telemetry_event where device = ? order by at",
                    row -> row.text("code"),
                    question.get("device").getAsString()))
        .forEach(answer::add);
    return answer;
  }

  private JsonElement badArtifact(JsonObject question) {
    bad.set(
        new Digest(question.get("blob").getAsString()),
        BadArtifacts.Way.valueOf(question.get("way").getAsString().toUpperCase(Locale.ROOT)));
    return gson.toJsonTree(true);
  }

  private JsonElement badAnswers(JsonObject question) {
    return gson.toJsonTree(bad.answered(new Digest(question.get("blob").getAsString())));
  }
}
