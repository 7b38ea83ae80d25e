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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Inputs with the outputs expected for them: a device runs them before it lets a model serve.
 *
 * <pre>{@code
 * 0     8  "SKGOLD1\n"
 * 8     4  header length h, little-endian
 * 12    h  {"absolute":A,"relative":R,"outputs":[{"name","absolute","relative"}],
 *           "cases":[{"inputs":[{"name","type","shape"}],"outputs":[...]}]}
 * 12+h     the tensors' elements, little-endian, in the header's order, nothing between them
 * }</pre>
 *
 * <p>The outer {@code outputs} may be absent, and are passed over by agents that do not know them.
 *
 * @param tolerance of outputs that have none of their own
 * @param own of outputs that have one, by name
 * @param cases 1 to {@link #CASES_MAX}
 */
public record GoldenSet(Tolerance tolerance, Map<String, Tolerance> own, List<GoldenCase> cases) {
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
    own = Map.copyOf(own);
    cases = List.copyOf(cases);
    if (cases.isEmpty() || cases.size() > CASES_MAX) {
      throw malformed("%d cases, expected 1 to %d".formatted(cases.size(), CASES_MAX));
    }
  }

  /** A set of one tolerance for all outputs. */
  public GoldenSet(Tolerance tolerance, List<GoldenCase> cases) {
    this(tolerance, Map.of(), cases);
  }

  /** How far this output may be off. */
  public Tolerance tolerance(String output) {
    return own.getOrDefault(output, tolerance);
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
    write(tolerance, header);
    if (!own.isEmpty()) {
      header.add("outputs", writeOwn());
    }
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

  private JsonArray writeOwn() {
    JsonArray array = new JsonArray();
    for (Map.Entry<String, Tolerance> output : new TreeMap<>(own).entrySet()) {
      JsonObject object = new JsonObject();
      object.addProperty("name", output.getKey());
      write(output.getValue(), object);
      array.add(object);
    }
    return array;
  }

  private static void write(Tolerance tolerance, JsonObject object) {
    object.addProperty("absolute", tolerance.absolute());
    object.addProperty("relative", tolerance.relative());
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
      Tolerance tolerance = readTolerance(header);
      Map<String, Tolerance> own = header.has("outputs") ? readOwn(header) : Map.of();
      List<GoldenCase> cases = new ArrayList<>();
      for (JsonFields golden : header.list("cases")) {
        cases.add(
            new GoldenCase(
                read(golden.list("inputs"), buffer), read(golden.list("outputs"), buffer)));
      }
      if (buffer.hasRemaining()) {
        throw malformed("has %d bytes after its last tensor".formatted(buffer.remaining()));
      }
      return new GoldenSet(tolerance, own, cases);
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ArtifactException(ErrorCode.ARTIFACT_MALFORMED, "golden set: " + e.getMessage(), e);
    }
  }

  private static Map<String, Tolerance> readOwn(JsonFields header) {
    Map<String, Tolerance> own = new HashMap<>();
    for (JsonFields output : header.list("outputs")) {
      String name = output.text("name");
      if (own.put(name, readTolerance(output)) != null) {
        throw malformed("output '%s' has two tolerances".formatted(name));
      }
    }
    return own;
  }

  private static Tolerance readTolerance(JsonFields fields) {
    return new Tolerance(fields.number("absolute"), fields.number("relative"));
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
