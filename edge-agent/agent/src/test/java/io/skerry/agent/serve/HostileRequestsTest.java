package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.CallOptions;
import io.grpc.Compressor;
import io.grpc.CompressorRegistry;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.skerry.agent.EchoModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.InferParameter;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rubbish of every kind: the right status, and the agent lives. */
@SuppressWarnings("NullAway.Init") // JUnit calls start() first.
class HostileRequestsTest {
  private static final int MUTATIONS = 3_000;
  private static final int MESSAGE_BYTES_MAX = 100_000;
  private static final Set<Status.Code> EXPECTED =
      Set.of(Status.Code.INVALID_ARGUMENT, Status.Code.NOT_FOUND);

  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    server =
        TestServer.start(
                config ->
                    config.withBounds(
                        ServeBounds.defaults().withMessageBytesMax(MESSAGE_BYTES_MAX)))
            .with(
                "m",
                EchoModel.of(
                    new TensorSpec("x", ElementType.FP32, List.of(-1L, 2L)),
                    new TensorSpec("s", ElementType.BYTES, List.of(-1L))));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void mutatedRequestsAreRefusedOrAnswered() {
    Random random = new Random(20261120);
    byte[][] seeds = {raw().toByteArray(), typed().toByteArray()};
    int answered = 0;
    for (int i = 0; i < MUTATIONS; i++) {
      byte[] mutated = mutate(seeds[i % seeds.length].clone(), random);
      try {
        server.stub().modelInfer(ModelInferRequest.parseFrom(mutated));
        answered++;
      } catch (InvalidProtocolBufferException unreadable) {
        // What no client library can read: sent as bytes in the next test.
      } catch (StatusRuntimeException e) {
        assertThat(e.getStatus().getCode()).as(e.getMessage()).isIn(EXPECTED);
      }
    }

    assertThat(answered).isPositive();
    assertStillAnswers();
  }

  @Test
  void bytesThatAreNoMessageAreRefused() {
    Random random = new Random(7);
    byte[] seed = raw().toByteArray();
    for (int length = 0; length < seed.length; length += 3) {
      byte[] cut = new byte[length];
      System.arraycopy(seed, 0, cut, 0, length);
      byte[] sent = random.nextBoolean() ? cut : mutate(cut, random);
      Status.Code code = send(sent, CallOptions.DEFAULT);
      assertThat(code).isIn(Status.Code.OK, Status.Code.INVALID_ARGUMENT, Status.Code.NOT_FOUND);
    }
    assertStillAnswers();
  }

  @Test
  void readsGzipAndDeflateAndIsNotBlownUpByThem() throws Exception {
    ModelInferRequest request = raw();
    assertThat(server.stub().withCompression("gzip").modelInfer(request).getOutputsCount())
        .isEqualTo(2);
    CompressorRegistry compressors = CompressorRegistry.newEmptyInstance();
    compressors.register(new Deflate());
    try (TestClient client = TestClient.to(server.server().address(), compressors)) {
      assertThat(
              client.inference().withCompression("deflate").modelInfer(request).getOutputsCount())
          .isEqualTo(2);
      ModelInferRequest bomb =
          request.toBuilder()
              .setRawInputContents(0, ByteString.copyFrom(new byte[10 * MESSAGE_BYTES_MAX]))
              .build();
      assertThat(bomb.getSerializedSize()).isGreaterThan(MESSAGE_BYTES_MAX);
      assertThatThrownBy(() -> client.inference().withCompression("deflate").modelInfer(bomb))
          .hasMessageContaining("RESOURCE_EXHAUSTED");
    }
    assertStillAnswers();
  }

  @Test
  void namesAndShapesOfAnySizeAreTold() {
    String long80 = "n".repeat(5_000);
    refuses(raw().toBuilder().setModelName(long80).build(), Status.Code.NOT_FOUND);
    refuses(raw().toBuilder().setModelVersion(long80).build(), Status.Code.INVALID_ARGUMENT);
    refuses(
        raw().toBuilder().setInputs(0, input().setName(long80 + "\n")).build(),
        Status.Code.INVALID_ARGUMENT);
    refuses(
        raw().toBuilder().setInputs(0, input().setDatatype(long80)).build(),
        Status.Code.INVALID_ARGUMENT);
    InferInputTensor.Builder deep = input();
    for (int i = 0; i < 100; i++) {
      deep.addShape(1);
    }
    refuses(raw().toBuilder().setInputs(0, deep).build(), Status.Code.INVALID_ARGUMENT);
    ModelInferRequest.Builder many = raw().toBuilder();
    for (int i = 0; i < 1_100; i++) {
      many.addInputs(input());
    }
    refuses(many.build(), Status.Code.INVALID_ARGUMENT);
    refuses(
        raw().toBuilder()
            .addOutputs(InferRequestedOutputTensor.newBuilder().setName(long80))
            .build(),
        Status.Code.INVALID_ARGUMENT);
    assertStillAnswers();
  }

  @Test
  void notANumberTravelsAsItIs() {
    ModelInferRequest request =
        raw().toBuilder()
            .setRawInputContents(0, TestServer.bytes(Float.NaN, Float.NEGATIVE_INFINITY))
            .build();

    assertThat(server.stub().modelInfer(request).getRawOutputContents(0))
        .isEqualTo(TestServer.bytes(Float.NaN, Float.NEGATIVE_INFINITY));
  }

  private void refuses(ModelInferRequest request, Status.Code code) {
    assertThatThrownBy(() -> server.stub().modelInfer(request))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(code);
              assertThat(e.getMessage()).hasSizeLessThan(2_000).doesNotContain("\n");
            });
  }

  private void assertStillAnswers() {
    assertThat(server.stub().modelInfer(raw()).getOutputsCount()).isEqualTo(2);
  }

  private Status.Code send(byte[] message, CallOptions options) {
    return send(server, message, options);
  }

  /** Sends bytes in place of a request to predict. */
  static Status.Code send(TestServer server, byte[] message, CallOptions options) {
    ManagedChannel channel = server.client().channel();
    MethodDescriptor<byte[], byte[]> method =
        MethodDescriptor.<byte[], byte[]>newBuilder(new Bytes(), new Bytes())
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName("inference.GRPCInferenceService/ModelInfer")
            .build();
    try {
      ClientCalls.blockingUnaryCall(
          channel, method, options.withDeadlineAfter(20, TimeUnit.SECONDS), message);
      return Status.Code.OK;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  private static byte[] mutate(byte[] bytes, Random random) {
    for (int change = random.nextInt(4); change >= 0 && bytes.length > 0; change--) {
      int at = random.nextInt(bytes.length);
      bytes[at] =
          (byte)
              switch (random.nextInt(4)) {
                case 0 -> bytes[at] ^ (1 << random.nextInt(8));
                case 1 -> 0xff;
                case 2 -> 0;
                default -> random.nextInt(256);
              };
    }
    return bytes;
  }

  private static InferInputTensor.Builder input() {
    return InferInputTensor.newBuilder().setName("x").setDatatype("FP32").addShape(1).addShape(2);
  }

  private static ModelInferRequest raw() {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .setModelVersion("1")
        .setId("id")
        .putParameters("priority", InferParameter.newBuilder().setUint64Param(2).build())
        .addInputs(input())
        .addInputs(InferInputTensor.newBuilder().setName("s").setDatatype("BYTES").addShape(1))
        .addRawInputContents(TestServer.bytes(1, 2))
        .addRawInputContents(ByteString.copyFrom(new byte[] {3, 0, 0, 0, 'a', 'b', 'c'}))
        .build();
  }

  private static ModelInferRequest typed() {
    return raw().toBuilder()
        .clearRawInputContents()
        .setInputs(
            0,
            input()
                .setContents(
                    InferTensorContents.newBuilder().addFp32Contents(1).addFp32Contents(2)))
        .setInputs(
            1,
            InferInputTensor.newBuilder()
                .setName("s")
                .setDatatype("BYTES")
                .addShape(1)
                .setContents(
                    InferTensorContents.newBuilder()
                        .addBytesContents(ByteString.copyFromUtf8("abc"))))
        .build();
  }

  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        stream.transferTo(all);
        return all.toByteArray();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final class Deflate implements Compressor {
    @Override
    public String getMessageEncoding() {
      return "deflate";
    }

    @Override
    public OutputStream compress(OutputStream out) {
      return new DeflaterOutputStream(out);
    }
  }
}
