package io.skerry.agent.serve;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.skerry.agent.EchoModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.ByteStrings;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import io.skerry.wire.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.skerry.wire.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every element type in every form that clients use, and the dialects' differences. */
class TensorFormsTest {
  @SuppressWarnings("NullAway.Init") // JUnit calls start() first.
  private TestServer server;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @ParameterizedTest
  @EnumSource
  void carriesEveryTypeRaw(ElementType type) {
    server.with("m", EchoModel.of(type));
    ByteString data = sample(type);

    ModelInferResponse response =
        server.stub().modelInfer(TestServer.raw(type.name(), List.of(1L, 2L), data).build());

    assertThat(response.getOutputs(0).getDatatype()).isEqualTo(type.name());
    assertThat(response.getOutputs(0).getName()).isEqualTo("x_out");
    assertThat(response.getOutputs(0).getShapeList()).containsExactly(1L, 2L);
    assertThat(response.getOutputs(0).hasContents()).isFalse();
    assertThat(response.getRawOutputContentsList()).containsExactly(data);
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"FP16", "BF16"})
  void carriesEveryTypeThatHasAListTyped(ElementType type) {
    server.with("m", EchoModel.of(type));
    InferTensorContents contents = typed(type);

    ModelInferResponse response = server.stub().modelInfer(typed(type, contents).build());

    // MLServer's clients read contents, Triton's read raw_output_contents whatever they sent.
    assertThat(response.getOutputs(0).getContents()).isEqualTo(contents);
    assertThat(response.getRawOutputContentsList()).containsExactly(sample(type));
  }

  @ParameterizedTest
  @EnumSource(names = {"FP16", "BF16"})
  void halfFloatsHaveNoListForm(ElementType type) {
    server.with("m", EchoModel.of(type));

    assertThatThrownBy(
            () ->
                server
                    .stub()
                    .modelInfer(typed(type, InferTensorContents.getDefaultInstance()).build()))
        .hasMessage("INVALID_ARGUMENT: input 'x' is %s: send it in raw_input_contents", type);
  }

  @Test
  void typedRequestsGetRawHalfFloats() {
    server.with(
        "m",
        EchoModel.of(
            new TensorSpec("x", ElementType.INT32, List.of(2L)),
            new TensorSpec("h", ElementType.INT8, List.of(0L))));
    ModelInferRequest.Builder request =
        ModelInferRequest.newBuilder()
            .setModelName("m")
            .addInputs(
                InferInputTensor.newBuilder()
                    .setName("x")
                    .setDatatype("INT32")
                    .addShape(2)
                    .setContents(typed(ElementType.INT32)))
            .addInputs(
                InferInputTensor.newBuilder()
                    .setName("h")
                    .setDatatype("INT8")
                    .addShape(0)
                    .setContents(InferTensorContents.getDefaultInstance()));

    ModelInferResponse response = server.stub().modelInfer(request.build());

    // One raw entry per output, an empty one for an output without elements.
    assertThat(response.getRawOutputContentsList())
        .containsExactly(sample(ElementType.INT32), ByteString.EMPTY);
  }

  @Test
  void narrowIntegersThatDoNotFitAreCutAsInC() {
    server.with("m", EchoModel.of(ElementType.INT8));

    ModelInferResponse response =
        server
            .stub()
            .modelInfer(
                typed(
                        ElementType.INT8,
                        InferTensorContents.newBuilder()
                            .addIntContents(0x1ff)
                            .addIntContents(-129)
                            .build())
                    .build());

    assertThat(response.getRawOutputContents(0))
        .isEqualTo(ByteString.copyFrom(new byte[] {-1, 127}));
  }

  @Test
  void stringsOfAnyBytesKeepThem() {
    server.with("m", EchoModel.of(ElementType.BYTES));
    ByteString data =
        ByteString.copyFrom(ByteStrings.write(List.of(new byte[] {0, -1, 7}, "ß".getBytes(UTF_8))));

    assertThat(
            server
                .stub()
                .modelInfer(TestServer.raw("BYTES", List.of(1L, 2L), data).build())
                .getRawOutputContents(0))
        .isEqualTo(data);
  }

  @Test
  void namesTheInputWhoseStringsAreBroken() {
    server.with("m", EchoModel.of(ElementType.BYTES));

    refuses("BYTES", new byte[] {9, 0, 0, 0, 1}, "incomplete string data for inference input 'x'");
    refuses("BYTES", new byte[] {1, 0, 0}, "incomplete string data for inference input 'x'");
    refuses("BYTES", new byte[] {-1, -1, -1, -1}, "incomplete string data for inference input 'x'");
    refuses(
        "BYTES",
        new byte[] {1, 0, 0, 0, 'a'},
        "unexpected number of string elements 1 for inference input 'x', expecting 2");
  }

  @Test
  void answersOnlyTheOutputsThatAreAskedInTheirOrder() {
    server.with(
        "m",
        EchoModel.of(
            new TensorSpec("x", ElementType.UINT8, List.of(1L)),
            new TensorSpec("y", ElementType.UINT8, List.of(1L))));
    ModelInferRequest.Builder request =
        TestServer.raw("UINT8", List.of(1L), ByteString.copyFrom(new byte[] {1}))
            .addInputs(InferInputTensor.newBuilder().setName("y").setDatatype("UINT8").addShape(1))
            .addRawInputContents(ByteString.copyFrom(new byte[] {2}));

    ModelInferResponse both =
        server
            .stub()
            .modelInfer(
                request
                    .clone()
                    .addOutputs(InferRequestedOutputTensor.newBuilder().setName("y_out"))
                    .addOutputs(InferRequestedOutputTensor.newBuilder().setName("x_out"))
                    .build());

    assertThat(both.getOutputsList())
        .extracting(o -> o.getName())
        .containsExactly("y_out", "x_out");
    assertThat(both.getRawOutputContents(0).byteAt(0)).isEqualTo((byte) 2);
    assertThatThrownBy(
            () ->
                server
                    .stub()
                    .modelInfer(
                        request
                            .clone()
                            .addOutputs(InferRequestedOutputTensor.newBuilder().setName("y_out"))
                            .addOutputs(InferRequestedOutputTensor.newBuilder().setName("y_out"))
                            .build()))
        .hasMessage("INVALID_ARGUMENT: output 'y_out' is requested twice");
  }

  private void refuses(String type, byte[] data, String text) {
    assertThatThrownBy(
            () ->
                server
                    .stub()
                    .modelInfer(
                        TestServer.raw(type, List.of(1L, 2L), ByteString.copyFrom(data)).build()))
        .hasMessageStartingWith("INVALID_ARGUMENT: " + text);
  }

  private static ModelInferRequest.Builder typed(ElementType type, InferTensorContents contents) {
    return ModelInferRequest.newBuilder()
        .setModelName("m")
        .addInputs(
            InferInputTensor.newBuilder()
                .setName("x")
                .setDatatype(type.name())
                .addShape(1)
                .addShape(2)
                .setContents(contents));
  }

  /** The two elements of {@link #sample} as a list. */
  private static InferTensorContents typed(ElementType type) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    switch (type) {
      case BOOL -> contents.addBoolContents(true).addBoolContents(false);
      case INT8, INT16, INT32 -> contents.addIntContents(-2).addIntContents(3);
      case UINT8, UINT16, UINT32 -> contents.addUintContents(200).addUintContents(3);
      case INT64 -> contents.addInt64Contents(-2).addInt64Contents(3);
      case UINT64 -> contents.addUint64Contents(-2).addUint64Contents(3);
      case FP32 -> contents.addFp32Contents(-0.5f).addFp32Contents(Float.NaN);
      case FP64 -> contents.addFp64Contents(-0.5).addFp64Contents(Double.NaN);
      case BYTES ->
          contents
              .addBytesContents(ByteString.copyFromUtf8("grüße"))
              .addBytesContents(ByteString.EMPTY);
      case FP16, BF16 -> throw new IllegalStateException("no list form");
    }
    return contents.build();
  }

  private static ByteString sample(ElementType type) {
    ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    switch (type) {
      case BOOL -> data.put((byte) 1).put((byte) 0);
      case INT8 -> data.put((byte) -2).put((byte) 3);
      case UINT8 -> data.put((byte) 200).put((byte) 3);
      case INT16 -> data.putShort((short) -2).putShort((short) 3);
      case UINT16 -> data.putShort((short) 200).putShort((short) 3);
      case FP16, BF16 -> data.putShort((short) 0x3c01).putShort((short) 0xbc02);
      case INT32 -> data.putInt(-2).putInt(3);
      case UINT32 -> data.putInt(200).putInt(3);
      case INT64, UINT64 -> data.putLong(-2).putLong(3);
      case FP32 -> data.putFloat(-0.5f).putFloat(Float.NaN);
      case FP64 -> data.putDouble(-0.5).putDouble(Double.NaN);
      case BYTES -> data.put(ByteStrings.write(List.of("grüße".getBytes(UTF_8), new byte[0])));
    }
    return ByteString.copyFrom(data.flip());
  }
}
