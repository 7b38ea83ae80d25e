package io.skerry.bench.drift;

import io.skerry.protocol.DeviceId;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.simulator.machine.Machine;
import io.skerry.simulator.machine.MachineData;
import io.skerry.simulator.machine.MachineSource;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DeviceWindow;
import io.skerry.telemetry.drift.MonitoredStreams;
import io.skerry.telemetry.sketch.MonitoringManifests;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** Degrading machines replayed as a fleet behind three gateways, one of which is miscalibrated. */
final class MachineFleet {
  static final Cohort COHORT = new Cohort("gateway", "b");

  private static final int DEVICES = 51;
  private static final int TICKS = 20;
  private static final double SIGMAS = 2.5;
  private static final Path CMAPSS =
      Path.of(System.getProperty("skerry.home", ".")).resolveSibling("shared/data/cmapss");

  private final List<Machine> machines = new ArrayList<>();
  private final int[] cycles = new int[DEVICES];
  private final int sensor;
  private final double offset;
  private final List<String> sensors;
  private final MonitoringPlan plan;
  private final MonitoredStreams streams;

  MachineFleet(long seed) throws IOException, MalformedDocumentException {
    MachineData data = new MachineSource(folder(), 1).load();
    Random random = new Random(seed);
    List<Machine> live = new ArrayList<>(data.live());
    Collections.shuffle(live, random);
    for (int device = 0; device < DEVICES; device++) {
      machines.add(live.get(device % live.size()));
      cycles[device] = random.nextInt(machines.get(device).cycles().size());
    }
    sensors = data.sensors();
    sensor = (int) (2 * seed % sensors.size());
    List<float[]> rows = new ArrayList<>();
    for (Machine machine : data.training()) {
      rows.addAll(machine.cycles().subList(MachineData.WINDOW - 1, machine.cycles().size()));
    }
    List<MonitoringManifests.Feature> features = new ArrayList<>();
    for (int i = 0; i < sensors.size(); i++) {
      features.add(new MonitoringManifests.Feature(sensors.get(i), i));
    }
    MonitoringManifest manifest =
        MonitoringManifests.fromReference(
            "input", features, rows.toArray(float[][]::new), "score", new float[rows.size()], .5);
    offset = SIGMAS * manifest.getFeatures(sensor).getStandardDeviation();
    plan = MonitoringPlan.of(manifest);
    streams = MonitoredStreams.of(manifest);
  }

  private static Optional<Path> folder() {
    return Files.isDirectory(CMAPSS) ? Optional.of(CMAPSS) : Optional.empty();
  }

  static String source() {
    return folder().isPresent()
        ? "C-MAPSS test engines"
        : "generated machines (no C-MAPSS data beside the checkout)";
  }

  MonitoredStreams streams() {
    return streams;
  }

  String shifted() {
    return sensors.get(sensor);
  }

  List<DeviceWindow> window(boolean miscalibrated) {
    List<DeviceWindow> windows = new ArrayList<>();
    for (int device = 0; device < DEVICES; device++) {
      WindowSketch sketch = new WindowSketch(plan);
      String gateway = List.of("a", "b", "c").get(device % 3);
      for (int tick = 0; tick < TICKS; tick++) {
        List<float[]> life = machines.get(device).cycles();
        cycles[device] = (cycles[device] + 1) % life.size();
        if (cycles[device] + 1 >= MachineData.WINDOW) {
          float[] row = life.get(cycles[device]).clone();
          if (miscalibrated && gateway.equals("b")) {
            row[sensor] += (float) offset;
          }
          sketch.observe(row, Float.NaN, 0, 100);
        }
      }
      windows.add(
          new DeviceWindow(
              new DeviceId("device-%02d".formatted(device)),
              Map.of("gateway", gateway, "profile", "p" + device % 4),
              CountFleet.VERSION,
              sketch.counts()));
    }
    return windows;
  }
}
