package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.ByteString;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.skerry.api.AccuracyPoint;
import io.skerry.api.DatasetBatch;
import io.skerry.api.LabelShare;
import io.skerry.api.OutcomeReceipt;
import io.skerry.api.Packaging;
import io.skerry.api.PackagingRequest;
import io.skerry.api.Rollout;
import io.skerry.api.RolloutRequest;
import io.skerry.api.Run;
import io.skerry.api.RunRequest;
import io.skerry.api.SliceRow;
import io.skerry.api.client.SkerryClient;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.Lab;
import io.skerry.e2e.scene.Scene;
import io.skerry.wire.inference.GRPCInferenceServiceGrpc;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Three classes, from rows to a model that a device serves, and what came true of it back. Training
 * and packaging take too long for every check: it is run by {@code
 * -Dskerry.tests.excluded=containers -Dtest=SeveralClassesTest}.
 */
@Tag("bench")
class SeveralClassesTest {
  private static final String MODEL = "grades";
  private static final int CLASSES = 3;
  private static final int WINDOW = 12;
  private static final int FEATURES = 2;
  private static final float APART = 4;
  private static final int ASKED = 30;
  private static final Duration JOB_WITHIN = Duration.ofMinutes(3);

  private final Random random = new Random(1);

  @Test
  void learnsServesAndCountsThreeClasses() throws Exception {
    Path folder = Files.createTempDirectory("skc");
    try (Lab lab = Lab.withAllEngines(folder);
        Scene scene = Scene.open(lab, "device")) {
      SkerryClient client = lab.plane().server().client();

      long version = packaged(client, trained(client, dataset(client)));
      Rollout rollout = client.post("/v1/rollouts", rollout(version), Rollout.class);
      Await.until(
          Scene.PATIENCE,
          "the model in its slot",
          () -> scene.running(MODEL) == version,
          () -> client.get("/v1/rollouts/" + rollout.id(), Rollout.class) + " " + scene.state());
      List<Integer> said = new ArrayList<>();
      String csv = asked(scene, said);
      OutcomeReceipt told =
          client.send(
              "POST",
              "/v1/feedback",
              "text/csv",
              BodyPublishers.ofString(csv),
              OutcomeReceipt.class);

      assertThat(told.stored()).isEqualTo(ASKED);
      Await.until(
          Scene.PATIENCE,
          "every prediction counted and every outcome joined",
          () -> predictions(client) == ASKED && outcomes(client) == ASKED,
          () -> labels(client) + " " + accuracy(client) + " " + scene.state());
      assertThat(labels(client))
          .hasSize(CLASSES)
          .allSatisfy(
              row -> {
                assertThat(row.predicted()).isCloseTo(share(said, row.label()), within(1e-9));
                assertThat(row.training()).isBetween(.1, .5);
                assertThat(row.actual()).isCloseTo(1.0 / CLASSES, within(1e-9));
                assertThat(row.outcomes()).isEqualTo(ASKED);
              });
      double right = 0;
      for (int i = 0; i < ASKED; i++) {
        right += said.get(i) == i % CLASSES ? 1.0 / ASKED : 0;
      }
      double share = right;
      assertThat(accuracy(client))
          .filteredOn(point -> point.outcomes() > 0)
          .singleElement()
          .satisfies(point -> assertThat(point.accuracy()).isCloseTo(share, within(1e-9)));
      // One device is too few to tell of, and is counted.
      assertThat(client.list("/v1/models/" + MODEL + "/slices", SliceRow.class))
          .isNotEmpty()
          .allMatch(slice -> slice.outcomes() == ASKED && slice.accuracy() == null);
    } finally {
      delete(folder);
    }
  }

  private DatasetBatch dataset(SkerryClient client) {
    StringBuilder csv = new StringBuilder("device,cycle,level,noise,label\n");
    for (int device = 0; device < 12; device++) {
      for (int cycle = 1; cycle <= 60; cycle++) {
        int label = (cycle - 1) / 20;
        csv.append(
            String.format(
                Locale.ROOT,
                "machine-%d,%d,%.3f,%.3f,%d%n",
                device,
                cycle,
                APART * label + random.nextGaussian() / 4,
                random.nextGaussian(),
                label));
      }
    }
    return client.send(
        "POST",
        "/v1/datasets/%s/batches/first?window=%d".formatted(MODEL, WINDOW),
        "text/csv",
        BodyPublishers.ofString(csv.toString()),
        DatasetBatch.class);
  }

  private static long trained(SkerryClient client, DatasetBatch batch) throws Exception {
    Run started =
        client.post("/v1/runs", new RunRequest(MODEL, batch.snapshot(), 20, 1L), Run.class);
    String path = "/v1/runs/" + started.id();
    Await.until(
        JOB_WITHIN,
        "the run's end",
        () -> client.get(path, Run.class).state().isTerminal(),
        () -> client.get(path, Run.class).toString());
    Run run = client.get(path, Run.class);
    Long version = run.version();
    assertThat(version).as("%s", run).isNotNull();
    return version == null ? 0 : version;
  }

  private static long packaged(SkerryClient client, long version) throws Exception {
    String path = "/v1/models/%s/versions/%d/variants".formatted(MODEL, version);
    client.post(path, new PackagingRequest(null, null, null), Packaging.class);
    Await.until(
        JOB_WITHIN,
        "the packaging's end",
        () -> client.get(path, Packaging.class).state().isTerminal(),
        () -> client.get(path, Packaging.class).toString());
    assertThat(client.get(path, Packaging.class).error()).isNull();
    return version;
  }

  private static RolloutRequest rollout(long version) {
    return new RolloutRequest(
        MODEL,
        version,
        MODEL,
        null,
        null,
        null,
        null,
        List.of(RolloutRequest.StageRequest.ofPercent(100)),
        null,
        null,
        2,
        1000,
        null,
        null,
        null,
        null,
        null,
        "PAUSE",
        null,
        new RolloutRequest.SamplingRequest(1, 1),
        null,
        null);
  }

  // Of each class as often; the outcomes, as a file.
  private String asked(Scene scene, List<Integer> said) throws Exception {
    EventLoopGroup events = new EpollEventLoopGroup(1);
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(scene.agent().socket().toFile()))
            .eventLoopGroup(events)
            .channelType(EpollDomainSocketChannel.class)
            .usePlaintext()
            .build();
    StringBuilder csv = new StringBuilder("device,prediction_id,client_id,actual,outcome_at\n");
    try {
      for (int i = 0; i < ASKED; i++) {
        int label = i % CLASSES;
        ModelInferResponse answer =
            GRPCInferenceServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(Scene.PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                .modelInfer(request(label));
        said.add(largest(answer));
        csv.append(
            "%s,%s,,%d,%n"
                .formatted(
                    scene.device(),
                    answer.getParametersOrThrow("skerry_prediction_id").getStringParam(),
                    label));
      }
    } finally {
      channel.shutdownNow();
      events.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
    return csv.toString();
  }

  private ModelInferRequest request(int label) {
    ByteBuffer raw =
        ByteBuffer.allocate(Float.BYTES * FEATURES * WINDOW).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < WINDOW; i++) {
      raw.putFloat((float) (APART * label + random.nextGaussian() / 4));
    }
    for (int i = 0; i < WINDOW; i++) {
      raw.putFloat((float) random.nextGaussian());
    }
    return ModelInferRequest.newBuilder()
        .setModelName(MODEL)
        .addInputs(
            ModelInferRequest.InferInputTensor.newBuilder()
                .setName("input")
                .setDatatype("FP32")
                .addShape(1)
                .addShape(FEATURES)
                .addShape(WINDOW))
        .addRawInputContents(ByteString.copyFrom(raw.flip()))
        .build();
  }

  private static int largest(ModelInferResponse answer) {
    ByteBuffer output =
        answer.getRawOutputContents(0).asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    int largest = 0;
    for (int i = 1; i < CLASSES; i++) {
      largest = output.getFloat(4 * i) > output.getFloat(4 * largest) ? i : largest;
    }
    return largest;
  }

  private static double share(List<Integer> said, int label) {
    return said.stream().filter(one -> one == label).count() / (double) said.size();
  }

  private static long predictions(SkerryClient client) {
    return labels(client).stream().mapToLong(LabelShare::predictions).max().orElse(0);
  }

  private static List<LabelShare> labels(SkerryClient client) {
    return client.list("/v1/models/" + MODEL + "/labels", LabelShare.class);
  }

  private static long outcomes(SkerryClient client) {
    return accuracy(client).stream().mapToLong(AccuracyPoint::outcomes).sum();
  }

  private static List<AccuracyPoint> accuracy(SkerryClient client) {
    return client.list("/v1/models/" + MODEL + "/accuracy", AccuracyPoint.class);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
