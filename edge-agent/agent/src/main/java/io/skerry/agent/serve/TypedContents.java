package io.skerry.agent.serve;

import com.google.protobuf.ByteString;
import io.skerry.agent.model.PredictException;
import io.skerry.artifact.ElementType;
import io.skerry.runtime.ByteStrings;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import io.skerry.wire.inference.InferTensorContents;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Tensors as typed lists. FP16 and BF16 have no such form. */
final class TypedContents {
  private TypedContents() {}

  /** Whether tensors of this type can be written as a list. */
  static boolean carries(ElementType type) {
    return type != ElementType.FP16 && type != ElementType.BF16;
  }

  static ByteBuffer read(InferInputTensor input, ElementType type, long elements, RunScope scope)
      throws PredictException {
    InferTensorContents contents = input.getContents();
    int given = count(input, type, contents);
    if (given != elements) {
      throw invalid(
          "input '%s' of shape %s needs %d elements of %s, got %d"
              .formatted(
                  Texts.shortened(input.getName()), input.getShapeList(), elements, type, given));
    }
    if (type == ElementType.BYTES) {
      List<byte[]> strings = new ArrayList<>(given);
      for (ByteString string : contents.getBytesContentsList()) {
        strings.add(string.toByteArray());
      }
      return ByteStrings.write(strings);
    }
    ByteBuffer data = scope.take(Math.multiplyExact(given, type.bytes()));
    for (int i = 0; i < given; i++) {
      // Narrower integers travel as 32 bits; what does not fit is cut off as in C.
      switch (type) {
        case BOOL -> data.put((byte) (contents.getBoolContents(i) ? 1 : 0));
        case INT8 -> data.put((byte) contents.getIntContents(i));
        case UINT8 -> data.put((byte) contents.getUintContents(i));
        case INT16 -> data.putShort((short) contents.getIntContents(i));
        case UINT16 -> data.putShort((short) contents.getUintContents(i));
        case INT32 -> data.putInt(contents.getIntContents(i));
        case UINT32 -> data.putInt(contents.getUintContents(i));
        case INT64 -> data.putLong(contents.getInt64Contents(i));
        case UINT64 -> data.putLong(contents.getUint64Contents(i));
        case FP32 -> data.putFloat(contents.getFp32Contents(i));
        case FP64 -> data.putDouble(contents.getFp64Contents(i));
        case FP16, BF16, BYTES -> throw new IllegalStateException(type + " is no list of numbers");
      }
    }
    return data.flip();
  }

  private static int count(InferInputTensor input, ElementType type, InferTensorContents contents)
      throws PredictException {
    return switch (type) {
      case BOOL -> contents.getBoolContentsCount();
      case INT8, INT16, INT32 -> contents.getIntContentsCount();
      case UINT8, UINT16, UINT32 -> contents.getUintContentsCount();
      case INT64 -> contents.getInt64ContentsCount();
      case UINT64 -> contents.getUint64ContentsCount();
      case FP32 -> contents.getFp32ContentsCount();
      case FP64 -> contents.getFp64ContentsCount();
      case BYTES -> contents.getBytesContentsCount();
      case FP16, BF16 ->
          throw invalid(
              "input '%s' is %s: send it in raw_input_contents"
                  .formatted(Texts.shortened(input.getName()), type));
    };
  }

  static InferTensorContents write(Tensor output) {
    InferTensorContents.Builder contents = InferTensorContents.newBuilder();
    ByteBuffer data = output.data().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    while (data.hasRemaining()) {
      switch (output.type()) {
        case BOOL -> contents.addBoolContents(data.get() != 0);
        case INT8 -> contents.addIntContents(data.get());
        case UINT8 -> contents.addUintContents(Byte.toUnsignedInt(data.get()));
        case INT16 -> contents.addIntContents(data.getShort());
        case UINT16 -> contents.addUintContents(Short.toUnsignedInt(data.getShort()));
        case INT32 -> contents.addIntContents(data.getInt());
        case UINT32 -> contents.addUintContents(data.getInt());
        case INT64 -> contents.addInt64Contents(data.getLong());
        case UINT64 -> contents.addUint64Contents(data.getLong());
        case FP32 -> contents.addFp32Contents(data.getFloat());
        case FP64 -> contents.addFp64Contents(data.getDouble());
        case BYTES -> {
          ByteBuffer string = data.slice(data.position() + Integer.BYTES, data.getInt());
          data.position(data.position() + string.remaining());
          contents.addBytesContents(ByteString.copyFrom(string));
        }
        case FP16, BF16 -> throw new IllegalStateException(output.type() + " has no typed form");
      }
    }
    return contents.build();
  }

  private static PredictException invalid(String message) {
    return new PredictException(PredictException.Code.INVALID_ARGUMENT, message);
  }
}
