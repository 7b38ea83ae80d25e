package io.skerry.simulator.demo;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.DatasetBatch;
import io.skerry.api.DeviceView;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.Incident;
import io.skerry.api.Packaging;
import io.skerry.api.PackagingRequest;
import io.skerry.api.Problem;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;
import io.skerry.api.Run;
import io.skerry.api.RunRequest;
import io.skerry.api.TelemetryView;
import io.skerry.api.Variant;
import io.skerry.api.client.SkerryClient;
import io.skerry.api.client.SkerryException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** The control plane's process, reached as any operator reaches it. */
final class ControlPlane implements AutoCloseable {
  private static final String MODEL_LAYER = "application/vnd\\.skerry\\.model\\.(onnx|tflite)\\.v1";
  private static final Duration READY_WITHIN = Duration.ofSeconds(90);
  private static final Duration JOB_WITHIN = Duration.ofMinutes(3);
  private static final Duration ROLLOUT_WITHIN = Duration.ofMinutes(5);
  private static final int ROLL_BACK_ATTEMPTS_MAX = 5;
  private static final Duration ASK_EVERY = Duration.ofMillis(250);

  private final ChildProcess process;
  private final SkerryClient client;
  private final Path data;
  private final String url;
  private final String token;
  private final Progress progress;

  private ControlPlane(
      ChildProcess process, Path data, String url, String token, Progress progress) {
    this.process = process;
    this.client = new SkerryClient(URI.create(url), token);
    this.data = data;
    this.url = url;
    this.token = token;
    this.progress = progress;
  }

  /** Starts the control plane on a fresh data folder and waits until it is ready. */
  static ControlPlane start(
      Programs programs, DemoFolder folder, DemoOptions options, Progress progress)
      throws IOException, InterruptedException {
    Path data = folder.controlPlane();
    // Nobody watches for days: each of the demo's short windows is judged by itself.
    Path config = Files.writeString(folder.file("server.yaml"), "ingest: {judged-window: 0s}\n");
    ChildProcess process =
        ChildProcess.start(
            "the control plane",
            programs.server(
                "--config",
                config.toString(),
                "--data-dir",
                data.toString(),
                "--port",
                Integer.toString(options.port()),
                "--device-port",
                "0",
                "--mqtt-port",
                "0"),
            folder.log("control-plane"));
    try {
      Path ready = data.resolve("server.json");
      long deadline = System.nanoTime() + READY_WITHIN.toNanos();
      while (!Files.exists(ready)) {
        process.requireAlive();
        if (System.nanoTime() > deadline) {
          throw new DemoException(
              "the control plane is not ready after %d s; the end of its log:\n%s"
                  .formatted(READY_WITHIN.toSeconds(), process.tail()));
        }
        Thread.sleep(ASK_EVERY);
      }
      JsonObject address = JsonParser.parseString(Files.readString(ready)).getAsJsonObject();
      String token = Files.readString(data.resolve("keys").resolve("admin.token")).strip();
      return new ControlPlane(process, data, address.get("url").getAsString(), token, progress);
    } catch (DemoException | IOException | InterruptedException e) {
      process.close();
      throw e;
    }
  }

  /** Opens the console logged in; the token is the admin's of this demo only. */
  String consoleUrl() {
    return url + "/?token=" + token;
  }

  String enrolmentToken(int uses) {
    return client
        .post(
            "/v1/enrolment-tokens",
            new EnrolmentTokenRequest(uses, null, null),
            EnrolmentToken.class)
        .token();
  }

  DatasetBatch ingest(String dataset, String batch, int window, String csv) {
    return client.send(
        "POST",
        "/v1/datasets/%s/batches/%s?window=%d".formatted(dataset, batch, window),
        "text/csv",
        BodyPublishers.ofString(csv),
        DatasetBatch.class);
  }

  /** Queues a training run. */
  Run startRun(String model, String snapshot, long seed) {
    return client.post("/v1/runs", new RunRequest(model, snapshot, null, seed), Run.class);
  }

  /** Retrains on an incident and waits for the run's end. */
  Run retrained(String incident) throws InterruptedException {
    return finished(
        client.post("/v1/incidents/" + incident + "/retrainings", new JsonObject(), Run.class));
  }

  /** Waits for a run's end. */
  Run finished(Run started) throws InterruptedException {
    Run run =
        await(
            "run " + started.id(),
            JOB_WITHIN,
            () ->
                Optional.of(client.get("/v1/runs/" + started.id(), Run.class))
                    .filter(now -> now.state().isTerminal()));
    if (run.error() != null) {
      throw new DemoException("run %s: %s".formatted(run.id(), run.error().detail()));
    }
    return run;
  }

  /** Packages a version for every hardware profile in use and waits for the end. */
  Packaging packaged(String model, long version) throws InterruptedException {
    String path = "/v1/models/%s/versions/%d/variants".formatted(model, version);
    client.post(path, new PackagingRequest(null, null, null), Packaging.class);
    Packaging packaging =
        await(
            "packaging " + model + "@" + version,
            JOB_WITHIN,
            () ->
                Optional.of(client.get(path, Packaging.class))
                    .filter(now -> now.state().isTerminal()));
    if (packaging.error() != null) {
      throw new DemoException(
          "packaging %s@%d: %s".formatted(model, version, packaging.error().detail()));
    }
    return packaging;
  }

  Rollout startRollout(RolloutRequest request) {
    return client.post("/v1/rollouts", request, Rollout.class);
  }

  void rollBack(String rollout, String reason) {
    JsonObject body = new JsonObject();
    body.addProperty("reason", reason);
    String path = "/v1/rollouts/" + rollout;
    // The engine may move it on in between: then it is read again.
    for (int attempt = 1; ; attempt++) {
      long seen = client.get(path, Rollout.class).revision();
      try {
        client.postIfMatch(path + "/rollback", body, seen, Rollout.class);
        return;
      } catch (SkerryException e) {
        boolean changed =
            e.problem().map(problem -> problem.code().equals("CHANGED_MEANWHILE")).orElse(false);
        if (!changed || attempt == ROLL_BACK_ATTEMPTS_MAX) {
          throw e;
        }
      }
    }
  }

  /** Devices that refuse what this rollout ordered because its bytes are not those signed for. */
  int refusals(String rollout) {
    return (int)
        client.list("/v1/devices", DeviceView.class).stream()
            .flatMap(device -> device.slots().stream())
            .filter(slot -> rollout.equals(slot.rollout()) && slot.phase().equals("REJECTED"))
            .filter(slot -> ErrorCode.ARTIFACT_DIGEST_MISMATCH.name().equals(slot.errorCode()))
            .count();
  }

  /** Tells what becomes of each stage, and waits for the rollout's end. */
  Rollout ended(Rollout started, Runnable requireAlive) throws InterruptedException {
    StageTeller teller = new StageTeller(progress);
    return await(
        "rollout " + started.id(),
        ROLLOUT_WITHIN,
        () -> {
          requireAlive.run();
          Rollout now = client.get("/v1/rollouts/" + started.id(), Rollout.class);
          teller.tell(now);
          return Optional.of(now).filter(Rollout::ended);
        });
  }

  List<Incident> incidents() {
    return client.list("/v1/incidents", Incident.class);
  }

  TelemetryView telemetry() {
    return client.get("/v1/telemetry", TelemetryView.class);
  }

  /** The file of a registered model. */
  byte[] modelFile(String model, long version) {
    String blob =
        client
            .get(
                "/v1/models/%s/versions/%d".formatted(model, version),
                io.skerry.api.ModelVersionView.class)
            .blob();
    return client.getBytes("/artifacts/" + blob.replace(':', '/'));
  }

  /** Flips one bit in the model file of every winner, as a failing disk would. */
  void corruptBlobs(List<Variant> variants) throws IOException {
    // Profiles may share one file: it must be damaged once, not back and forth.
    Set<String> models = new LinkedHashSet<>();
    for (Variant variant : variants) {
      if (variant.winner() && variant.manifest() != null) {
        models.addAll(modelLayers(variant.manifest()));
      }
    }
    for (String digest : models) {
      flip(blob(digest));
    }
  }

  private List<String> modelLayers(String manifest) throws IOException {
    return JsonParser.parseString(Files.readString(blob(manifest)))
        .getAsJsonObject()
        .getAsJsonArray("layers")
        .asList()
        .stream()
        .map(JsonElement::getAsJsonObject)
        .filter(layer -> layer.get("mediaType").getAsString().matches(MODEL_LAYER))
        .map(layer -> layer.get("digest").getAsString())
        .toList();
  }

  private static void flip(Path file) throws IOException {
    byte[] content = Files.readAllBytes(file);
    content[content.length / 2] ^= 1;
    Files.write(file, content);
  }

  private Path blob(String digest) {
    return data.resolve("blobs").resolve(digest.replace(':', '/'));
  }

  /**
   * Asks until there is an answer.
   *
   * @throws DemoException when there is none in time, or the control plane ended
   */
  <T> T await(String what, Duration within, Supplier<Optional<T>> question)
      throws InterruptedException {
    return await(
        what,
        within,
        question,
        () -> {
          throw new DemoException("%s: not there within %d s".formatted(what, within.toSeconds()));
        });
  }

  /** Asks until there is an answer, or time is up and another one has to do. */
  <T> T await(String what, Duration within, Supplier<Optional<T>> question, Supplier<T> otherwise)
      throws InterruptedException {
    long deadline = System.nanoTime() + within.toNanos();
    while (System.nanoTime() < deadline) {
      process.requireAlive();
      try {
        Optional<T> answer = question.get();
        if (answer.isPresent()) {
          return answer.get();
        }
      } catch (SkerryException e) {
        throw new DemoException(
            what + ": " + e.problem().map(Problem::detail).orElse(e.getMessage()), e);
      }
      Thread.sleep(ASK_EVERY);
    }
    return otherwise.get();
  }

  @Override
  public void close() {
    client.close();
    process.close();
  }
}
