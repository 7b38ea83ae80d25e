package io.skerry.artifact;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.protocol.ErrorCode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Inputs with the outputs expected for them: a device runs them before it lets a model serve.
 *
 * <pre>{@code
 * 0     8  "SKGOLD1\n"
 * 8     4  header length h, little-endian
 * 12    h  {"absolute":A,"relative":R,"cases":[{"inputs":[{"name","type","shape"}],"outputs":[...]}]}
 * 12+h     the tensors' elements, little-endian, in the header's order, nothing between them
 * }</pre>
 *
 * @param cases 1 to {@link #CASES_MAX}
 */
public record GoldenSet(Tolerance tolerance, List<GoldenCase> cases) {
  /** Cases that a set can have. */
  public static final int CASES_MAX = 256;

  private static final byte[] MAGIC = "SKGOLD1\n".getBytes(StandardCharsets.US_ASCII);
  private static final int PREFIX_BYTES = MAGIC.length + Integer.BYTES;
  private static final int HEADER_BYTES_MAX = 1 << 20;

  /**
   * Checks the number of cases.
   *
   * @throws ArtifactException if there is none or too many
   */
  public GoldenSet {
    cases = List.copyOf(cases);
    if (cases.isEmpty() || cases.size() > CASES_MAX) {
      throw malformed("%d cases, expected 1 to %d".formatted(cases.size(), CASES_MAX));
    }
  }

  /** The set's bytes: the same for the same set. */
  public byte[] toBytes() {
    JsonArray array = new JsonArray();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (GoldenCase golden : cases) {
      JsonObject object = new JsonObject();
      object.add("inputs", write(golden.inputs(), data));
      object.add("outputs", write(golden.outputs(), data));
      array.add(object);
    }
    JsonObject header = new JsonObject();
    header.addProperty("absolute", tolerance.absolute());
    header.addProperty("relative", tolerance.relative());
    header.add("cases", array);
    byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(PREFIX_BYTES + text.length + data.size())
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putInt(text.length)
        .put(text)
        .put(data.toByteArray())
        .array();
  }

  private static JsonArray write(List<GoldenTensor> tensors, ByteArrayOutputStream data) {
    JsonArray array = new JsonArray();
    for (GoldenTensor tensor : tensors) {
      JsonObject object = new JsonObject();
      object.addProperty("name", tensor.name());
      object.addProperty("type", tensor.type().name());
      object.add("shape", TensorsJson.dimensions(tensor.shape()));
      array.add(object);
      byte[] bytes = new byte[tensor.data().remaining()];
      tensor.data().get(bytes);
      data.writeBytes(bytes);
    }
    return array;
  }

  /**
   * Reads a set.
   *
   * @throws ArtifactException if the bytes are none
   */
  public static GoldenSet parse(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < PREFIX_BYTES
        || !Arrays.equals(bytes, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw malformed("does not start with SKGOLD1");
    }
    int headerBytes = buffer.position(MAGIC.length).getInt();
    if (headerBytes < 0 || headerBytes > HEADER_BYTES_MAX || headerBytes > buffer.remaining()) {
      throw malformed("has a header of %d bytes".formatted(headerBytes));
    }
    byte[] text = new byte[headerBytes];
    buffer.get(text);
    JsonFields header = JsonFields.parse("golden set", text);
    try {
      Tolerance tolerance = new Tolerance(header.number("absolute"), header.number("relative"));
      List<GoldenCase> cases = new ArrayList<>();
      for (JsonFields golden : header.list("cases")) {
        cases.add(
            new GoldenCase(
                read(golden.list("inputs"), buffer), read(golden.list("outputs"), buffer)));
      }
      if (buffer.hasRemaining()) {
        throw malformed("has %d bytes after its last tensor".formatted(buffer.remaining()));
      }
      return new GoldenSet(tolerance, cases);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, "golden set: " + e.getMessage(), e);
    }
  }

  private static List<GoldenTensor> read(List<JsonFields> list, ByteBuffer buffer) {
    List<GoldenTensor> tensors = new ArrayList<>();
    for (JsonFields fields : list) {
      ElementType type = TensorsJson.type(fields);
      List<Long> shape = TensorsJson.shape(fields);
      long bytes = type.bytes();
      for (long dimension : shape) {
        bytes = Math.multiplyExact(bytes, dimension);
      }
      if (bytes < 0 || bytes > buffer.remaining()) {
        throw malformed(
            "tensor of %s%s needs more than the %d bytes left"
                .formatted(type, shape, buffer.remaining()));
      }
      ByteBuffer data = buffer.slice(buffer.position(), (int) bytes);
      buffer.position(buffer.position() + (int) bytes);
      tensors.add(new GoldenTensor(fields.text("name"), type, shape, data));
    }
    return tensors;
  }

  private static ArtifactException malformed(String fault) {
    return new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, "golden set: " + fault);
  }
}
