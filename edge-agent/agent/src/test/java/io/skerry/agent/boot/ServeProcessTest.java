package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.TestClient;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program itself, from its command line to its end. */
@Tag("slow")
class ServeProcessTest {
  private static final int SIGTERM_EXIT_CODE = 143;

  @TempDir private Path folder;

  @Test
  void servesAFolderUntilItIsToldToStop() throws Exception {
    TinyOnnx.scale(
        Files.createDirectories(folder.resolve("models/scale/1")).resolve("model.onnx"), 2);
    Files.createDirectories(folder.resolve("models/empty/1"));
    Path second = folder.resolve("cam.sock");
    Process agent = start(List.of(), "--listen", "unix:" + second + ",app=cam");
    try (BufferedReader out = agent.inputReader();
        TestClient client = TestClient.to(new ListenAddress.Unix(socket()))) {
      assertThat(out.readLine())
          .isEqualTo("serving 1 model on unix:%s, unix:%s (cam)".formatted(socket(), second));
      assertThat(second).exists();

      ByteString answer =
          client.inference().modelInfer(request(new byte[12])).getRawOutputContents(0);

      assertThat(answer).isEqualTo(ByteString.copyFrom(new byte[12]));
      agent.destroy();
      assertThat(agent.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(agent.exitValue()).isEqualTo(SIGTERM_EXIT_CODE);
      assertThat(socket()).doesNotExist();
      assertThat(second).doesNotExist();
      assertThat(folder.resolve("err"))
          .content()
          .contains("model empty@1 is not served: ")
          .doesNotContain("WARNING");
    } finally {
      agent.destroyForcibly();
    }
  }

  @Test
  void readsARequestThatTakesNearlyHalfItsHeap() throws Exception {
    TinyOnnx.scale(
        Files.createDirectories(folder.resolve("models/scale/1")).resolve("model.onnx"), 2);
    // As the image starts it.
    Process agent = start(List.of("-XX:+UseSerialGC", "-Xmn8m", "-Xmx96m"));
    try (BufferedReader out = agent.inputReader();
        TestClient client = TestClient.to(new ListenAddress.Unix(socket()))) {
      assertThat(out.readLine()).startsWith("serving 1 model on ");

      // It does not fit the model, which can only be told when all of it was read.
      assertThatThrownBy(() -> client.inference().modelInfer(request(new byte[44 << 20])))
          .hasMessageStartingWith("INVALID_ARGUMENT: input byte size mismatch");
      assertThatThrownBy(() -> client.inference().modelInfer(request(new byte[50 << 20])))
          .hasMessageStartingWith("RESOURCE_EXHAUSTED: gRPC message exceeds maximum size");
      assertThat(client.inference().modelInfer(request(new byte[12])).getOutputsCount())
          .isEqualTo(1);
    } finally {
      agent.destroyForcibly();
    }
  }

  private Path socket() {
    return folder.resolve("agent.sock");
  }

  private Process start(List<String> jvmOptions, String... further) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvmOptions);
    command.addAll(
        List.of(
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "serve",
            "--models",
            folder.resolve("models").toString(),
            "--listen",
            "unix:" + socket()));
    command.addAll(List.of(further));
    return new ProcessBuilder(command).redirectError(folder.resolve("err").toFile()).start();
  }

  private static ModelInferRequest request(byte[] data) {
    return ModelInferRequest.newBuilder()
        .setModelName("scale")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("input")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(3))
        .addRawInputContents(ByteString.copyFrom(data))
        .build();
  }
}
