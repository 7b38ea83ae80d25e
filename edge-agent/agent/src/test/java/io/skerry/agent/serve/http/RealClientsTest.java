package io.skerry.agent.serve.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.serve.AgentServer;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.ModelRepository;
import io.skerry.agent.serve.ServeConfig;
import io.skerry.agent.serve.Served;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.runtime.LoadOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients that others wrote, unchanged, against a real server with a real engine. */
@Tag("slow")
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class RealClientsTest {
  private static final Path CLIENTS = Path.of("src/test/resources/clients").toAbsolutePath();
  private static final Path ENVIRONMENT = Path.of("target/clients").toAbsolutePath();
  private static final String PREFIX = "skerry_test_";
  private static final Duration INSTALL_WITHIN = Duration.ofMinutes(4);
  private static final Duration END_WITHIN = Duration.ofMinutes(2);
  private static final Map<String, Integer> IDENTITIES =
      Map.of(
          "strings", 8, "half", 10, "bfloat", 16, "int8", 3, "int64", 7, "bool", 9, "double", 11);

  @TempDir private Path folder;
  private final ModelSlots slots = new ModelSlots();
  private AgentServer server;
  private HttpServer http;

  @BeforeEach
  void start() throws Exception {
    Path models = folder.resolve("models");
    TinyOnnx.scale(Files.createDirectories(models.resolve("Scale/1")).resolve("model.onnx"), 2);
    Files.writeString(models.resolve("Scale/labels.txt"), "one\ntwo\nthree\n");
    for (Map.Entry<String, Integer> identity : IDENTITIES.entrySet()) {
      TinyOnnx.identity(
          Files.createDirectories(models.resolve(identity.getKey()).resolve("1"))
              .resolve("model.onnx"),
          identity.getValue());
    }
    ModelRepository repository =
        ModelRepository.load(models, EngineCatalog.discovered(), LoadOptions.DEFAULTS, slots);
    Predictor predictor =
        new Predictor(
            slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
    int me = (Integer) Files.getAttribute(folder, "unix:uid");
    server =
        AgentServer.start(
            ServeConfig.at(new ListenAddress.Unix(folder.resolve("agent.sock")))
                .withSharedMemory(Optional.of(SharedMemoryConfig.of(PREFIX, Set.of(me)))),
            Served.of(slots, predictor, repository).withControl(repository));
    http = HttpServer.start(HttpConfig.at(0), server.service());
  }

  @AfterEach
  void stop() {
    http.close();
    server.close();
    slots.close();
  }

  @Test
  void tritonsClientsGoThroughEveryCall() throws Exception {
    run(
        "triton_client.py",
        "unix://" + folder.resolve("agent.sock"),
        "127.0.0.1:" + http.port(),
        PREFIX);
  }

  @Test
  void plainStubsSpeakKservesDialect() throws Exception {
    run(
        "kserve_client.py",
        "unix://" + folder.resolve("agent.sock"),
        CLIENTS.toString(),
        Files.createDirectories(folder.resolve("generated")).toString());
  }

  private void run(String script, String... arguments) throws Exception {
    Path python = installed();
    Path log = folder.resolve(script + ".log");
    List<String> command =
        new ArrayList<>(List.of(python.toString(), CLIENTS.resolve(script).toString()));
    command.addAll(List.of(arguments));

    int exitCode = end(command, log, END_WITHIN);

    assertThat(Files.readString(log)).endsWith("done\n");
    assertThat(exitCode).isZero();
  }

  /** A Python with the clients; skips the test where there is none to be had. */
  private Path installed() throws Exception {
    Path python = ENVIRONMENT.resolve("bin/python");
    Path stamp = ENVIRONMENT.resolve("installed");
    if (!Files.exists(stamp)) {
      Path log = folder.resolve("pip.log");
      Files.createDirectories(ENVIRONMENT.getParent());
      boolean made =
          end(List.of("python3", "-m", "venv", ENVIRONMENT.toString()), log, INSTALL_WITHIN) == 0
              && end(
                      List.of(
                          python.toString(),
                          "-m",
                          "pip",
                          "install",
                          "--quiet",
                          "--disable-pip-version-check",
                          "tritonclient[grpc,http]",
                          "grpcio-tools"),
                      log,
                      INSTALL_WITHIN)
                  == 0;
      assumeThat(made).as("no Python clients: pip cannot install tritonclient here").isTrue();
      Files.createFile(stamp);
    }
    return python;
  }

  private static int end(List<String> command, Path log, Duration within)
      throws InterruptedException {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
        return -1;
      }
      return process.exitValue();
    } catch (IOException e) {
      return -1;
    }
  }
}
