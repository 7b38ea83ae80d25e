package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.skerry.agent.bench.AgentClient;
import io.skerry.agent.bench.ModelInputs;
import io.skerry.agent.model.EngineCatalog;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.LoadOptions;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.ModelInferResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that others made; skipped where their data does not lie beside the checkout. */
class RealModelsTest {
  private static final Path DATA = Path.of("../../../shared/data");

  @TempDir private Path folder;
  private final EngineCatalog engines = EngineCatalog.discovered();

  @BeforeEach
  void needsData() {
    assumeTrue(Files.isDirectory(DATA), "no data beside the checkout: real models are not tried");
  }

  @Test
  void runsEveryModelOrSaysWhyNot() throws Exception {
    int ran = 0;
    for (Path file : models()) {
      try (LoadedModel model = engines.load(file, LoadOptions.DEFAULTS)) {
        List<Tensor> outputs = model.run(ModelInputs.zeros(model.signature()));
        assertThat(outputs).as("outputs of %s", file).isNotEmpty();
        ran++;
      } catch (EngineException e) {
        assertThat(e).as("refusal of %s", file).hasMessageContaining(file.getFileName().toString());
      }
    }
    assertThat(ran).isPositive();
  }

  @Test
  void servesTheKeywordSpotterAsTheEngineRunsIt() throws Exception {
    Path file = DATA.resolve("mlperf-tiny/kws_ref_model.tflite");
    Path version = Files.createDirectories(folder.resolve("models/kws/1"));
    Files.createSymbolicLink(version.resolve("model.tflite"), file.toAbsolutePath());
    Path socket = folder.resolve("a.sock");
    try (ModelSlots slots = new ModelSlots();
        LoadedModel direct = engines.load(file, LoadOptions.DEFAULTS)) {
      ModelRepository repository =
          ModelRepository.load(folder.resolve("models"), engines, LoadOptions.DEFAULTS, slots);
      Predictor predictor =
          new Predictor(slots, InstantSource.system(), new Random(1), PredictionListener.NONE);
      try (AgentServer server =
              AgentServer.start(
                  ServeConfig.at(new ListenAddress.Unix(socket)),
                  Served.of(slots, predictor, repository));
          AgentClient client = AgentClient.of(socket)) {
        assertThat(server.service().ready()).isTrue();
        int compared = 0;
        for (Path item : items()) {
          Tensor input = input(direct, Files.readAllBytes(item));
          ModelInferResponse served =
              client.blocking().modelInfer(AgentClient.request("kws", List.of(input)));
          assertThat(served.getRawOutputContents(0).asReadOnlyByteBuffer())
              .as("answer to %s", item)
              .isEqualTo(direct.run(List.of(input)).getFirst().data());
          compared++;
        }
        assertThat(compared).isPositive();
      }
    }
  }

  private static Tensor input(LoadedModel model, byte[] bytes) {
    Tensor zeros = ModelInputs.zeros(model.signature()).getFirst();
    ByteBuffer data = ByteBuffer.allocateDirect(bytes.length).order(ByteOrder.LITTLE_ENDIAN);
    return new Tensor(zeros.name(), zeros.type(), zeros.shape(), data.put(bytes).flip());
  }

  private static List<Path> models() throws IOException {
    try (Stream<Path> tflite = Files.list(DATA.resolve("mlperf-tiny"));
        Stream<Path> onnx = Files.list(DATA.resolve("onnx-fp32"))) {
      return Stream.concat(tflite, onnx)
          .filter(file -> file.toString().matches(".*\\.(tflite|onnx)"))
          .sorted()
          .toList();
    }
  }

  private static List<Path> items() throws IOException {
    try (Stream<Path> files = Files.walk(DATA.resolve("kws/evaluation"))) {
      return files.filter(file -> file.toString().endsWith(".bin")).sorted().toList();
    }
  }
}
