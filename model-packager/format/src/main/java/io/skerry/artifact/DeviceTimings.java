package io.skerry.artifact;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ErrorCode;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a device measured of model files with its own engines, so that the packager need not guess
 * how fast they are there.
 *
 * <pre>{@code
 * {"kind": "timings", "profile": "arm64-dotprod", "device": "cam-1", "timings": [
 *   {"model": "sha256:…", "engine": "tflite", "p50Micros": 812.5, "p99Micros": 1033,
 *    "loadMillis": 4.1, "peakMemoryBytes": 5242880, "calls": 500}]}
 * }</pre>
 *
 * <p>A model is named by the digest of its file, the layer of type {@code model} of an artifact.
 *
 * @param profile id of the hardware profile that the device is of
 * @param device what people know the device by
 */
public record DeviceTimings(String profile, String device, List<Timing> timings) {
  /** The largest report that is read. */
  public static final int JSON_BYTES_MAX = 1 << 20;

  private static final String KIND = "timings";

  /** No figure is as large: of microseconds, eleven days. */
  private static final double LIMIT = 1e12;

  /**
   * One file's figures, on one thread.
   *
   * @param model digest of the file
   * @param engine {@code onnxruntime} or {@code tflite}
   * @param p50Micros median time of a call, > 0
   * @param p99Micros 99th percentile, at least the median
   * @param loadMillis from file to ready
   * @param peakMemoryBytes that loading and first runs took beyond an engine that has run a small
   *     model; 0 when unknown
   * @param calls timed, from 1
   */
  public record Timing(
      Digest model,
      String engine,
      double p50Micros,
      double p99Micros,
      double loadMillis,
      long peakMemoryBytes,
      int calls) {
    /**
     * Checks the figures.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public Timing {
      boolean ordered = p50Micros > 0 && p99Micros >= p50Micros && p99Micros < LIMIT;
      boolean loads = loadMillis >= 0 && loadMillis < LIMIT;
      if (!ordered || !loads || peakMemoryBytes < 0 || calls < 1) {
        throw new IllegalArgumentException(
            "p50 %s us, p99 %s us, load %s ms, memory %d, calls %d: these are no timings"
                .formatted(p50Micros, p99Micros, loadMillis, peakMemoryBytes, calls));
      }
    }
  }

  public DeviceTimings {
    timings = List.copyOf(timings);
  }

  /**
   * Reads a report.
   *
   * @param where what messages name it by
   * @throws ArtifactException if it is none
   */
  public static DeviceTimings parse(String where, byte[] json) {
    if (json.length > JSON_BYTES_MAX) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED,
          "%s has more than %d bytes, which no report of timings has"
              .formatted(where, JSON_BYTES_MAX));
    }
    JsonFields fields = JsonFields.parse(where, json);
    fields.expect("kind", KIND);
    return new DeviceTimings(
        fields.text("profile"),
        fields.text("device"),
        fields.list("timings").stream().map(each -> timing(where, each)).toList());
  }

  private static Timing timing(String where, JsonFields fields) {
    Digest model = fields.digest("model");
    String engine = fields.text("engine");
    double p50 = fields.number("p50Micros");
    double p99 = fields.number("p99Micros");
    double load = fields.number("loadMillis");
    long memory = fields.integer("peakMemoryBytes");
    long calls = fields.integer("calls");
    try {
      return new Timing(model, engine, p50, p99, load, memory, Math.toIntExact(calls));
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ArtifactException(
          ErrorCode.ARTIFACT_MALFORMED, "%s: %s".formatted(where, e.getMessage()), e);
    }
  }

  /** The report as UTF-8. */
  public byte[] json() {
    JsonArray array = new JsonArray();
    for (Timing timing : timings) {
      JsonObject object = new JsonObject();
      object.addProperty("model", timing.model().toString());
      object.addProperty("engine", timing.engine());
      object.addProperty("p50Micros", timing.p50Micros());
      object.addProperty("p99Micros", timing.p99Micros());
      object.addProperty("loadMillis", timing.loadMillis());
      object.addProperty("peakMemoryBytes", timing.peakMemoryBytes());
      object.addProperty("calls", timing.calls());
      array.add(object);
    }
    JsonObject report = new JsonObject();
    report.addProperty("kind", KIND);
    report.addProperty("profile", profile);
    report.addProperty("device", device);
    report.add("timings", array);
    return (new GsonBuilder().disableHtmlEscaping().setPrettyPrinting().create().toJson(report)
            + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }
}
