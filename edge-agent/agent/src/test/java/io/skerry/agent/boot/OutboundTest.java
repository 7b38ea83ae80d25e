package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.TestClient;
import io.skerry.agent.trace.TestCollector;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.io.BufferedReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whom the program calls by itself, with all its libraries: nobody but whom it was told of. */
@Tag("slow")
class OutboundTest {
  private static final Path STRACE = Path.of("/usr/bin/strace");

  @TempDir private Path folder;

  @Test
  void callsNobodyButTheCollectorThatItWasToldOf() throws Exception {
    assumeTrue(Files.isExecutable(STRACE), "strace is not installed");
    Path models = folder.resolve("models");
    TinyOnnx.scale(Files.createDirectories(models.resolve("scale/1")).resolve("model.onnx"), 2);
    SelfTest.write(
        ".tflite", Files.createDirectories(models.resolve("other/1")).resolve("model.tflite"));
    Path socket = folder.resolve("agent.sock");
    Path calls = folder.resolve("calls");
    try (TestCollector collector = new TestCollector()) {
      Process agent =
          new ProcessBuilder(
                  STRACE.toString(),
                  "-f",
                  "--seccomp-bpf",
                  "-qq",
                  "-e",
                  "trace=connect,sendto",
                  "-o",
                  calls.toString(),
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "--sun-misc-unsafe-memory-access=allow",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Main.class.getName(),
                  "serve",
                  "--models",
                  models.toString(),
                  "--listen",
                  "unix:" + socket,
                  "--traces",
                  collector.url(),
                  "--trace-ratio",
                  "1")
              .redirectError(folder.resolve("err").toFile())
              .start();
      try (BufferedReader out = agent.inputReader();
          TestClient client = TestClient.to(new ListenAddress.Unix(socket))) {
        String ready = out.readLine();
        assumeTrue(
            ready != null
                || !Files.readString(folder.resolve("err")).contains("Operation not permitted"),
            "strace may not trace here");
        assertThat(ready).isEqualTo("serving 2 models on unix:" + socket);
        client.inference().modelInfer(request("scale", "input", 1, 3));
        client.inference().modelInfer(request("other", "x", 1, 4));

        assertThat(collector.spans(10)).hasSize(10);
      } finally {
        agent.descendants().forEach(ProcessHandle::destroy);
        assertThat(agent.waitFor(20, TimeUnit.SECONDS)).isTrue();
      }
      String port = "htons(%d)".formatted(URI.create(collector.url()).getPort());
      List<String> elsewhere =
          Files.readAllLines(calls).stream().filter(call -> call.contains("AF_INET")).toList();
      assertThat(elsewhere).isNotEmpty().allSatisfy(call -> assertThat(call).contains(port));
    }
  }

  private static ModelInferRequest request(String model, String input, long... shape) {
    InferInputTensor.Builder tensor =
        InferInputTensor.newBuilder().setName(input).setDatatype("FP32");
    int elements = 1;
    for (long size : shape) {
      tensor.addShape(size);
      elements *= (int) size;
    }
    return ModelInferRequest.newBuilder()
        .setModelName(model)
        .addInputs(tensor)
        .addRawInputContents(ByteString.copyFrom(new byte[elements * Float.BYTES]))
        .build();
  }
}
