package io.skerry.runtime.onnx;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.skerry.runtime.OperatorTime;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads the trace that ONNX Runtime's profiler writes: an array of events, {@code dur} in us. */
final class OnnxProfile {
  private static final String KERNEL = "_kernel_time";

  private OnnxProfile() {}

  static List<OperatorTime> read(Path file) throws IOException {
    Map<String, OperatorTime> nodes = new LinkedHashMap<>();
    try (Reader reader = Files.newBufferedReader(file)) {
      for (JsonElement element : JsonParser.parseReader(reader).getAsJsonArray()) {
        JsonObject event = element.getAsJsonObject();
        String name = event.get("name").getAsString();
        if (!event.get("cat").getAsString().equals("Node") || !name.endsWith(KERNEL)) {
          continue;
        }
        String node = name.substring(0, name.length() - KERNEL.length());
        String operator = event.getAsJsonObject("args").get("op_name").getAsString();
        long nanos = event.get("dur").getAsLong() * 1_000;
        nodes.merge(
            node,
            new OperatorTime(node, operator, nanos),
            (one, other) -> new OperatorTime(node, operator, one.nanos() + other.nanos()));
      }
    } catch (JsonParseException | IllegalStateException | NullPointerException e) {
      throw new IOException("ONNX Runtime's trace has another form than expected", e);
    }
    return List.copyOf(nodes.values());
  }
}
