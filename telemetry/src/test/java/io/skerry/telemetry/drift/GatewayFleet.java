package io.skerry.telemetry.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.BiFunction;

/**
 * Devices behind gateways. Two features, standard normal; gateways move the first one, anew in each
 * window.
 */
final class GatewayFleet {
  static final ModelVersion VERSION = ModelVersion.parse("watched@1");

  private final Shape shape;
  private final MonitoringManifest manifest;
  private final Random random;
  private final Map<String, Map<String, String>> attributes = new HashMap<>();

  /**
   * What there is.
   *
   * @param labels of a device, by its gateway and its place behind that; besides, each has one
   *     named gateway
   * @param shared how far a gateway moves all its devices, in deviations
   * @param own how far a device moves by itself
   */
  record Shape(
      int gateways,
      int devicesEach,
      BiFunction<Integer, Integer, Map<String, String>> labels,
      double shared,
      double own) {}

  /** A fleet of which the unit may be told. */
  GatewayFleet(Shape shape, Optional<String> unit, long seed) {
    this.shape = shape;
    random = new Random(seed);
    float[][] rows = new float[2000][2];
    float[] scores = new float[rows.length];
    for (int i = 0; i < rows.length; i++) {
      rows[i][0] = (float) random.nextGaussian();
      rows[i][1] = (float) random.nextGaussian();
      scores[i] = .5f;
    }
    manifest =
        MonitoringManifests.fromReference(
                "input",
                List.of(
                    new MonitoringManifests.Feature("f0", 0),
                    new MonitoringManifests.Feature("f1", 1)),
                rows,
                "score",
                scores,
                .5)
            .toBuilder()
            .setUnit(unit.orElse(""))
            .build();
    for (int gateway = 0; gateway < shape.gateways(); gateway++) {
      for (int place = 0; place < shape.devicesEach(); place++) {
        Map<String, String> of = new HashMap<>(shape.labels().apply(gateway, place));
        of.put("gateway", "g" + gateway);
        attributes.put(name(gateway * shape.devicesEach() + place), Map.copyOf(of));
      }
    }
  }

  private static String name(int device) {
    return "device-%03d".formatted(device);
  }

  Map<String, Map<String, String>> attributes() {
    return attributes;
  }

  MonitoredStreams streams() throws MalformedDocumentException {
    return MonitoredStreams.of(manifest);
  }

  /** One window; {@code shift} is added where a device is in a cohort. */
  List<DeviceWindow> window(Cohort shifted, double shift) throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(manifest);
    List<DeviceWindow> windows = new ArrayList<>();
    double shared = 0;
    for (int device = 0; device < shape.gateways() * shape.devicesEach(); device++) {
      Map<String, String> of = attributes.getOrDefault(name(device), Map.of());
      if (device % shape.devicesEach() == 0) {
        shared = shape.shared() * random.nextGaussian();
      }
      double moved =
          shared
              + (shape.own() > 0 ? shape.own() * random.nextGaussian() : 0)
              + (shifted.holds(of) ? shift : 0);
      WindowSketch sketch = new WindowSketch(plan);
      for (int i = 0; i < 10; i++) {
        float first = (float) (moved + .3 * random.nextGaussian());
        sketch.observe(new float[] {first, (float) random.nextGaussian()}, .5f, 1, 100);
      }
      windows.add(new DeviceWindow(new DeviceId(name(device)), of, VERSION, sketch.counts()));
    }
    return windows;
  }

  /** A device's window in which the first feature is always the same. */
  DeviceWindow constant(DeviceWindow of, float value) throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(manifest));
    for (int i = 0; i < 10; i++) {
      sketch.observe(new float[] {value, (float) random.nextGaussian()}, .5f, 1, 100);
    }
    return new DeviceWindow(of.device(), of.attributes(), of.version(), sketch.counts());
  }
}
