package io.skerry.e2e.scene;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.DeviceView;
import io.skerry.e2e.RunningServer;
import io.skerry.e2e.plane.BadArtifacts;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProfileId;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;

/** The control plane's process, with what the tests ask of it from within. Thread-safe. */
public final class Plane implements AutoCloseable {
  static final TenantId TENANT = new TenantId("default");

  private static final Duration WINDOW = Duration.ofMillis(500);
  private static final Duration UP_WITHIN = Duration.ofSeconds(60);

  private final Path folder;
  private final HttpClient http = HttpClient.newHttpClient();
  private volatile RunningServer server;

  private Plane(Path folder, RunningServer server) {
    this.folder = folder;
    this.server = server;
  }

  static Plane start(Path folder) throws IOException, InterruptedException {
    return new Plane(folder, started(folder, List.of()));
  }

  private static RunningServer started(Path folder, List<String> options)
      throws IOException, InterruptedException {
    Files.deleteIfExists(folder.resolve("director.port"));
    return RunningServer.startWithDirector(folder, folder.resolve("director.port"), options);
  }

  /** Ends it with SIGKILL: broker, ingest and API are gone at once. */
  public void kill() throws InterruptedException {
    server.kill();
  }

  /** Starts it again on its data and its ports; the broker comes back empty. */
  public void startAgain() throws IOException, InterruptedException {
    RunningServer before = server;
    server = started(folder, before.samePorts());
  }

  /** Its process. */
  public RunningServer server() {
    return server;
  }

  /** Where the release key lies. */
  Path releaseKey() {
    return Path.of(keys().get("release").getAsString());
  }

  /** The version of root that it has followed to. */
  public long rootVersion() {
    return keys().get("root").getAsLong();
  }

  private JsonObject keys() {
    return ask("/keys", new JsonObject()).getAsJsonObject();
  }

  private JsonElement ask(String path, JsonObject question) {
    try {
      Path file = folder.resolve("director.port");
      Await.until(UP_WITHIN, "the director's port", () -> Files.exists(file), () -> "none");
      URI uri = URI.create("http://127.0.0.1:" + Files.readString(file).strip() + path);
      HttpResponse<String> answer =
          http.send(
              HttpRequest.newBuilder(uri)
                  .timeout(UP_WITHIN)
                  .POST(HttpRequest.BodyPublishers.ofString(question.toString()))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != 200) {
        throw new AssertionError(path + ": " + answer.body());
      }
      return JsonParser.parseString(answer.body());
    } catch (Exception e) {
      throw new IllegalStateException("the control plane was asked for " + path, e);
    }
  }

  /** Takes an artifact in. */
  void take(Path layout) {
    JsonObject question = new JsonObject();
    question.addProperty("layout", layout.toString());
    ask("/import", question);
  }

  /** Makes an artifact the variant of its version, for rollouts. */
  void release(ModelVersion version, ProfileId profile, Artifact artifact) {
    JsonObject question = new JsonObject();
    question.addProperty("version", version.toString());
    question.addProperty("profile", profile.value());
    question.addProperty("manifest", artifact.manifest().toString());
    question.addProperty("signature", artifact.signature().toString());
    ask("/release", question);
  }

  /** Orders a device's slot. */
  public void order(DeviceId device, Artifact artifact, Probation probation) {
    order(device, artifact, probation, WINDOW);
  }

  /** The same with windows of another length. */
  public void order(DeviceId device, Artifact artifact, Probation probation, Duration window) {
    JsonObject question = new JsonObject();
    question.addProperty("device", device.value());
    question.addProperty("version", TinyArtifacts.MODEL + "@" + artifact.version());
    question.addProperty("manifest", artifact.manifest().toString());
    question.addProperty("signature", artifact.signature().toString());
    question.addProperty("windowMillis", window.toMillis());
    question.addProperty("probationPredictions", probation.predictions());
    question.addProperty("probationMillis", probation.longest().toMillis());
    ask("/order", question);
  }

  /**
   * How a version proves itself.
   *
   * @param predictions good ones that it takes
   * @param longest or this long without a failure
   */
  public record Probation(int predictions, Duration longest) {
    /** Five predictions. */
    public static final Probation SHORT = new Probation(5, Duration.ofSeconds(20));
  }

  /** Publishes in the control plane's name. */
  public void publish(String topic, byte[] payload, boolean retained) {
    JsonObject question = new JsonObject();
    question.addProperty("topic", topic);
    question.addProperty("payload", Base64.getEncoder().encodeToString(payload));
    question.addProperty("retained", retained);
    ask("/publish", question);
  }

  /** The desired document that the broker keeps for a device. */
  public byte[] retainedDesired(DeviceId device) {
    JsonObject question = new JsonObject();
    question.addProperty("topic", desiredTopic(device));
    return Base64.getDecoder().decode(ask("/retained", question).getAsString());
  }

  /** A device's desired topic. */
  public static String desiredTopic(DeviceId device) {
    return Topics.device(TENANT, device, Topics.DESIRED);
  }

  /** What is stored of a device's records. */
  public List<Stored> stored(DeviceId device) {
    return ask("/ledger", of(device)).getAsJsonArray().asList().stream()
        .map(element -> Stored.of(element.getAsJsonObject()))
        .toList();
  }

  /** Predictions counted in a device's windows. */
  public long counted(DeviceId device) {
    return ask("/windows", of(device)).getAsLong();
  }

  /** The codes of a device's events. */
  public List<String> events(DeviceId device) {
    return ask("/events", of(device)).getAsJsonArray().asList().stream()
        .map(JsonElement::getAsString)
        .toList();
  }

  /** Lets a blob be answered badly, or well again. */
  public void answer(Digest blob, BadArtifacts.Way way) {
    JsonObject question = new JsonObject();
    question.addProperty("blob", blob.hex());
    question.addProperty("way", way.name());
    ask("/bad-artifact", question);
  }

  /** Bad answers that were given for a blob. */
  public long answered(Digest blob) {
    JsonObject question = new JsonObject();
    question.addProperty("blob", blob.hex());
    return ask("/bad-answers", question).getAsLong();
  }

  private static JsonObject of(DeviceId device) {
    JsonObject question = new JsonObject();
    question.addProperty("device", device.value());
    return question;
  }

  /** How a device stands, as the API tells. */
  public DeviceView device(DeviceId device) {
    return server.client().get("/v1/devices/" + device, DeviceView.class);
  }

  @Override
  public void close() {
    server.close();
    http.close();
  }
}
