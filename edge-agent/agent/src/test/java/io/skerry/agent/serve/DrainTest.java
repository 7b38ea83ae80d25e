package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.agent.FakeModel;
import io.skerry.agent.model.ModelSlots;
import io.skerry.agent.model.PredictionListener;
import io.skerry.agent.model.Predictor;
import io.skerry.agent.model.ServingModel;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ServerLiveRequest;
import java.time.InstantSource;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class DrainTest {
  private static final SlotId MAIN = new SlotId("main");

  @Test
  void closingLetsARunningPredictionFinishAndTakesNoNewOne() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    ModelSlots slots = new ModelSlots();
    slots.activate(
        MAIN,
        new ServingModel(
            MAIN,
            new ModelVersion(new ModelName("m"), 1),
            Digest.of(new byte[0]),
            FakeModel.waiting(running, go)));
    AgentServer server =
        AgentServer.start(
            ServeConfig.at(new ListenAddress.Tcp("127.0.0.1", 0)),
            slots,
            new Predictor(
                slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE),
            ModelListing.ofActive(slots),
            Optional.empty());

    try (TestClient client = TestClient.to(server.address());
        TestClient late = TestClient.to(server.address());
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<ModelInferResponse> answer =
          threads.submit(() -> client.inference().modelInfer(request()));
      running.await();
      Future<?> closed = threads.submit(server::close);
      assertThatThrownBy(() -> refusedInTheEnd(late)).hasMessageStartingWith("UNAVAILABLE");
      go.countDown();

      assertThat(answer.get().getOutputsCount()).isEqualTo(1);
      closed.get();
    }
    slots.close();
  }

  // Until the server has stopped to listen it may still answer; then it refuses for good.
  private static void refusedInTheEnd(TestClient client) {
    while (true) {
      boolean live =
          client.inference().serverLive(ServerLiveRequest.getDefaultInstance()).getLive();
      assertThat(live).isTrue();
    }
  }

  private static ModelInferRequest request() {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(input("input", 1, 3))
        .addInputs(input("offset", 1))
        .addRawInputContents(ByteString.copyFrom(new byte[12]))
        .addRawInputContents(ByteString.copyFrom(new byte[4]))
        .build();
  }

  private static InferInputTensor.Builder input(String name, long... shape) {
    InferInputTensor.Builder input =
        InferInputTensor.newBuilder().setName(name).setDatatype("FP32");
    for (long dimension : shape) {
      input.addShape(dimension);
    }
    return input;
  }
}
