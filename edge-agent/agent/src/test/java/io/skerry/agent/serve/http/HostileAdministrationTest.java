package io.skerry.agent.serve.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.netty.shaded.io.netty.channel.embedded.EmbeddedChannel;
import io.skerry.agent.EchoModel;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.serve.ModelRepository;
import io.skerry.agent.serve.Served;
import io.skerry.agent.serve.TestServer;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.LoadOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever is asked of the agent over HTTP is done or refused, and is never a fault of its own. */
class HostileAdministrationTest {
  private static final int REQUESTS = 20_000;
  private static final List<String> PATHS =
      List.of(
          "/v2/repository/index",
          "/v2/repository/models/none/load",
          "/v2/repository/models/none/unload",
          "/v2/systemsharedmemory/region/r/register",
          "/v2/systemsharedmemory/region/r/unregister",
          "/v2/systemsharedmemory/status",
          "/v2/cudasharedmemory/region/r/register",
          "/v2/cudasharedmemory/status",
          "/v2/trace/setting",
          "/v2/models/m/trace/setting",
          "/v2/logging",
          "/v2/models/m/config",
          "/v2/models/m/versions/1/stats",
          "/v2/models/stats",
          "/v2/health/ready");
  private static final List<String> BODIES =
      List.of(
          "",
          "{\"ready\": true}",
          "{\"parameters\": {\"config\": \"{\\\"max_batch_size\\\": 4}\", \"unload_dependents\": true}}",
          "{\"key\": \"/app_a\", \"byte_size\": 8, \"offset\": 0}",
          "{\"raw_handle\": {\"b64\": \"AAAA\"}, \"device_id\": 0, \"byte_size\": 8}",
          "{\"trace_level\": [\"OFF\"], \"trace_rate\": \"1\", \"trace_count\": null}",
          "{\"log_verbose_level\": 1, \"log_info\": true, \"log_format\": \"default\"}");

  @Test
  void whateverIsAskedIsAnsweredOrRefused(@TempDir Path folder) throws Exception {
    Files.write(folder.resolve("app_a"), new byte[8]);
    TinyOnnx.scale(
        Files.createDirectories(folder.resolve("models/one/1")).resolve("model.onnx"), 2);
    int me = (Integer) Files.getAttribute(folder, "unix:uid");
    SharedMemoryConfig memory = new SharedMemoryConfig(folder, "app_", Set.of(me), 4, 1 << 10);
    try (ModelSlots slots = new ModelSlots()) {
      ModelRepository repository =
          ModelRepository.load(
              folder.resolve("models"), EngineCatalog.discovered(), LoadOptions.DEFAULTS, slots);
      Predictor predictor =
          new Predictor(
              slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);
      try (TestServer agent =
          TestServer.start(
                  config -> config.withSharedMemory(Optional.of(memory)),
                  served -> Served.of(slots, predictor, repository).withControl(repository))
              .with("m", EchoModel.of(ElementType.FP32))) {
        HttpRoutes routes = new HttpRoutes(agent.server().service());
        Random random = new Random(20261129);
        int done = 0;
        for (int i = 0; i < REQUESTS; i++) {
          done += answers(routes, random) < 300 ? 1 : 0;
        }
        assertThat(done).isBetween(REQUESTS / 100, REQUESTS - REQUESTS / 100);
        assertThat(slots.active())
            .extracting(model -> model.version().toString())
            .contains("one@1");
      }
    }
  }

  private static int answers(HttpRoutes routes, Random random) throws InterruptedException {
    String path = mutated(random, PATHS.get(random.nextInt(PATHS.size())), "/.%2eF?abcmv2 r\u0000");
    byte[] body =
        mutated(
                random,
                BODIES.get(random.nextInt(BODIES.size())),
                "{}[]\",:0123456789eE+-.\\truefalsnul \u0000ü")
            .getBytes(UTF_8);
    String method = List.of("POST", "GET", "POST", "HEAD", "PUT").get(random.nextInt(5));
    BlockingQueue<HttpAnswer> answers = new ArrayBlockingQueue<>(1);
    EmbeddedChannel channel = new EmbeddedChannel();

    routes.answer(
        new HttpRequestBody(method, path, null, null, null, body),
        new HttpExchange(channel, answers::add));

    HttpAnswer answer = answers.poll(20, TimeUnit.SECONDS);
    String asked = "%s %s %s".formatted(method, path, new String(body, UTF_8));
    assertThat(answer).as(asked).isNotNull();
    assertThat(answer.status()).as(asked).isIn(200, 400, 404, 405, 409, 501, 503);
    assertThat(new String(answer.json(), UTF_8)).as(asked).doesNotContain("Exception");
    return answer.status();
  }

  private static String mutated(Random random, String text, String alphabet) {
    List<Integer> characters = new ArrayList<>(text.chars().boxed().toList());
    for (int change = random.nextInt(3); change > 0 && !characters.isEmpty(); change--) {
      int at = random.nextInt(characters.size());
      int letter = alphabet.charAt(random.nextInt(alphabet.length()));
      switch (random.nextInt(3)) {
        case 0 -> characters.set(at, letter);
        case 1 -> characters.add(at, letter);
        default -> characters.remove(at);
      }
    }
    StringBuilder mutated = new StringBuilder();
    characters.forEach(letter -> mutated.append((char) letter.intValue()));
    return mutated.toString();
  }
}
