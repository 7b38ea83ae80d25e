package io.skerry.agent.serve.http;

import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.serve.Texts;
import io.skerry.artifact.ElementType;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensorOrBuilder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/** A tensor's elements as JSON: a flat list, or lists of lists. */
final class JsonElements {
  private static final int DEPTH_MAX = 16;
  private static final Set<String> NO_JSON = Set.of("NaN", "Infinity", "-Infinity");

  private final String name;
  private final ElementType type;
  private final long count;
  private final ByteBuffer data;
  private final ByteArrayOutputStream strings = new ByteArrayOutputStream();
  private long read;

  private JsonElements(String name, ElementType type, long count) {
    this.name = name;
    this.type = type;
    this.count = count;
    data = ByteBuffer.allocate((int) (count * type.bytes())).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Reads as many elements as the input's shape says.
   *
   * @param elementsMax more cannot be in the text, so no memory is taken for them
   * @throws PredictException if there are more or fewer, or one is not of the input's type
   */
  static ByteBuffer read(JsonReader in, InferInputTensorOrBuilder input, long elementsMax)
      throws IOException, PredictException {
    ElementType type;
    try {
      type = ElementType.valueOf(input.getDatatype());
    } catch (IllegalArgumentException e) {
      throw InferJsonReader.invalid(
          "input '%s' has a data-type that is none of the protocol's".formatted(input.getName()));
    }
    if (type == ElementType.FP16 || type == ElementType.BF16) {
      throw InferJsonReader.invalid(
          "sending %s data via JSON is not supported. Please use the binary data format for input '%s'"
              .formatted(type, input.getName()));
    }
    long count = count(input.getName(), type, input.getShapeList());
    if (count > elementsMax) {
      throw InferJsonReader.invalid(
          "input '%s' needs %d elements of %s in its data, got fewer"
              .formatted(input.getName(), count, type));
    }
    JsonElements elements = new JsonElements(input.getName(), type, count);
    elements.list(in, 0);
    if (elements.read != count) {
      throw elements.wrongCount();
    }
    return type == ElementType.BYTES
        ? ByteBuffer.wrap(elements.strings.toByteArray())
        : elements.data.flip();
  }

  private static long count(String name, ElementType type, List<Long> shape)
      throws PredictException {
    long count = 1;
    for (long dimension : shape) {
      boolean fits = dimension >= 0 && Math.multiplyHigh(count, dimension) == 0;
      count = fits ? count * dimension : -1;
      if (count < 0 || count * Math.max(1, type.bytes()) > Integer.MAX_VALUE) {
        throw InferJsonReader.invalid("input '%s' has invalid shape %s".formatted(name, shape));
      }
    }
    return count;
  }

  private void list(JsonReader in, int depth) throws IOException, PredictException {
    if (depth > DEPTH_MAX) {
      throw InferJsonReader.invalid(
          "data of input '%s' is nested deeper than %d".formatted(name, DEPTH_MAX));
    }
    in.beginArray();
    while (in.hasNext()) {
      if (in.peek() == JsonToken.BEGIN_ARRAY) {
        list(in, depth + 1);
      } else {
        if (read++ == count) {
          throw wrongCount();
        }
        element(in);
      }
    }
    in.endArray();
  }

  private void element(JsonReader in) throws IOException, PredictException {
    try {
      switch (type) {
        case BOOL -> data.put((byte) (bool(in) ? 1 : 0));
        case INT8 -> data.put((byte) integer(in, Byte.MIN_VALUE, Byte.MAX_VALUE));
        case UINT8 -> data.put((byte) integer(in, 0, 0xff));
        case INT16 -> data.putShort((short) integer(in, Short.MIN_VALUE, Short.MAX_VALUE));
        case UINT16 -> data.putShort((short) integer(in, 0, 0xffff));
        case INT32 -> data.putInt((int) integer(in, Integer.MIN_VALUE, Integer.MAX_VALUE));
        case UINT32 -> data.putInt((int) integer(in, 0, 0xffff_ffffL));
        case INT64 -> data.putLong(integer(in, Long.MIN_VALUE, Long.MAX_VALUE));
        case UINT64 -> {
          require(in, JsonToken.NUMBER);
          data.putLong(Long.parseUnsignedLong(in.nextString()));
        }
        case FP32 -> {
          String text = number(in);
          data.putFloat(finite(text, Float.parseFloat(text)));
        }
        case FP64 -> {
          String text = number(in);
          data.putDouble(finite(text, Double.parseDouble(text)));
        }
        case BYTES -> {
          require(in, JsonToken.STRING);
          byte[] text = in.nextString().getBytes(StandardCharsets.UTF_8);
          ByteBuffer length = ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
          strings.write(length.putInt(text.length).array(), 0, Integer.BYTES);
          strings.write(text, 0, text.length);
        }
        case FP16, BF16 -> throw new IllegalStateException("refused above");
      }
    } catch (IllegalStateException | NumberFormatException e) {
      throw InferJsonReader.invalid(
          "element %d of input '%s' is no %s".formatted(read - 1, name, type));
    }
  }

  private static void require(JsonReader in, JsonToken token) throws IOException {
    if (in.peek() != token) {
      throw new IllegalStateException("another kind of value");
    }
  }

  /** A number's text, or what stands for a number that JSON has not. */
  private static String number(JsonReader in) throws IOException {
    boolean word = in.peek() == JsonToken.STRING;
    String text = in.nextString();
    if (word && !NO_JSON.contains(text)) {
      throw new NumberFormatException("a string");
    }
    return text;
  }

  // Rounded to infinity, a number that is too large would be another one.
  private <T extends Number> T finite(String text, T value) throws PredictException {
    if (Double.isInfinite(value.doubleValue()) && !NO_JSON.contains(text)) {
      throw InferJsonReader.invalid(
          "element %d of input '%s' is %s, which no %s holds"
              .formatted(read - 1, name, Texts.shortened(text), type));
    }
    return value;
  }

  private static boolean bool(JsonReader in) throws IOException {
    return in.peek() == JsonToken.NUMBER ? in.nextLong() != 0 : in.nextBoolean();
  }

  private static long integer(JsonReader in, long least, long most) throws IOException {
    require(in, JsonToken.NUMBER);
    long value = in.nextLong();
    if (value < least || value > most) {
      throw new NumberFormatException("out of range");
    }
    return value;
  }

  private PredictException wrongCount() {
    return InferJsonReader.invalid(
        "input '%s' needs %d elements of %s in its data, got %s"
            .formatted(name, count, type, read > count ? "more" : Long.toString(read)));
  }
}
