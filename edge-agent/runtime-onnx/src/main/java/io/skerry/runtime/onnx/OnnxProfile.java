package io.skerry.runtime.onnx;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonReader;
import io.skerry.runtime.OperatorProfile;
import io.skerry.runtime.OperatorTime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The trace that ONNX Runtime's profiler writes: an array of events, {@code dur} in us.
 *
 * @param events of all kinds
 */
record OnnxProfile(OperatorProfile profile, int events) {
  private static final String KERNEL = "_kernel_time";

  static OnnxProfile read(Path file, int runs) throws IOException {
    int events = 0;
    Map<String, OperatorTime> nodes = new LinkedHashMap<>();
    // One event after the other: all of them together are large for the heap of a device.
    try (JsonReader reader = new JsonReader(Files.newBufferedReader(file))) {
      reader.beginArray();
      while (reader.hasNext()) {
        JsonObject event = JsonParser.parseReader(reader).getAsJsonObject();
        events++;
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
    return new OnnxProfile(new OperatorProfile(runs, List.copyOf(nodes.values())), events);
  }
}
