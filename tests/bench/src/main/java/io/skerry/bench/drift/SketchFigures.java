package io.skerry.bench.drift;

import com.sun.management.ThreadMXBean;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.Committed;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Random;

/** What counting costs a device, in time, memory and bytes on the line. */
final class SketchFigures {
  static final int FEATURES = 100;
  private static final int ROWS = 1000;
  // The compiler takes its time: a device counts for years.
  private static final int WARM_UP = 1000;

  private SketchFigures() {}

  record Cost(double nanosPerFeature, long bytesPerObservation) {}

  /** Bytes a day, and what the daily co-moments are of it. */
  record Bytes(int hourly, int sixHourly, int coMoments) {}

  static Cost cost(int rounds) throws MalformedDocumentException {
    WindowSketch sketch = new WindowSketch(MonitoringPlan.of(CountFleet.manifest(FEATURES)));
    float[][] rows = rows(new Random(1));
    double[] nanos = new double[rounds];
    long allocated = 0;
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    for (int warm = 0; warm < WARM_UP; warm++) {
      observe(sketch, rows);
    }
    sketch.seal(ModelRef.getDefaultInstance(), 0, 0, 1);
    for (int round = 0; round < rounds; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      // The thread's own time: what else the machine does is no cost of counting.
      long start = threads.getCurrentThreadCpuTime();
      observe(sketch, rows);
      nanos[round] = (double) (threads.getCurrentThreadCpuTime() - start) / ROWS / FEATURES;
      allocated += threads.getCurrentThreadAllocatedBytes() - before;
      sketch.seal(ModelRef.getDefaultInstance(), 0, 0, 1);
    }
    Arrays.sort(nanos);
    // Asking for the allocated bytes itself may take some once; none per observation.
    return new Cost(nanos[rounds / 2], allocated / ((long) rounds * ROWS));
  }

  private static void observe(WindowSketch sketch, float[][] rows) {
    for (float[] row : rows) {
      sketch.observe(row, .3f, 0, 120);
    }
  }

  private static float[][] rows(Random random) {
    float[][] rows = new float[ROWS][FEATURES];
    for (float[] row : rows) {
      for (int f = 0; f < FEATURES; f++) {
        row[f] = (float) random.nextGaussian();
      }
    }
    return rows;
  }

  static Bytes bytes() throws MalformedDocumentException {
    MonitoringPlan plan = MonitoringPlan.of(CountFleet.manifest(FEATURES));
    ModelRef model =
        ModelRef.newBuilder()
            .setSlot("main")
            .setModel("engine-health")
            .setVersion(12)
            .setManifestDigest("sha256:" + "ab".repeat(32))
            .build();
    Random random = new Random(2);
    int coMoments = 0;
    int hourly = 0;
    int sixHourly = 0;
    WindowSketch small = new WindowSketch(plan);
    WindowSketch large = new WindowSketch(plan);
    for (int hour = 0; hour < 24; hour++) {
      float[][] rows = rows(random);
      for (float[] row : rows) {
        float score = random.nextFloat();
        long micros = 80L + random.nextInt(100);
        small.observe(row, score, score >= .5 ? 1 : 0, micros);
        large.observe(row, score, score >= .5 ? 1 : 0, micros);
      }
      var window = small.seal(model, 490_000L + hour, 0, 1, Degradation.NONE);
      if (hour == 23) {
        coMoments = small.coMoments().toWire().getSerializedSize();
        window.setCoMoments(small.coMoments().toWire());
      }
      hourly += onTheLine(record(hour, window));
      if (hour % 6 == 5) {
        sixHourly +=
            onTheLine(
                record(hour, large.seal(model, 490_000L + hour, 0, 1, new Degradation(6, 2, 8))));
      }
    }
    return new Bytes(hourly, sixHourly, coMoments);
  }

  private static Record record(int sequence, io.skerry.wire.fleet.v1.Window.Builder window) {
    return Record.newBuilder()
        .setSequence(1000 + sequence)
        .setAtMillis(1_790_000_000_000L)
        .setWindow(window.setStartMillis(1_790_000_000_000L).setEndMillis(1_790_003_600_000L))
        .build();
  }

  /** A batch of one record: MQTT 5 both ways, each packet in a TLS 1.3 record of its own. */
  private static int onTheLine(Record record) {
    byte[] batch =
        RecordBatch.newBuilder()
            .setBootEpoch(41)
            .addRecords(record)
            .setFirstKept(1000)
            .setOldestEpoch(41)
            .build()
            .toByteArray();
    byte[] committed =
        Committed.newBuilder()
            .addRanges(
                Committed.Range.newBuilder().setStream("windows").setBootEpoch(41).setThrough(1023))
            .build()
            .toByteArray();
    String topic = "skerry/v1/default/devices/device-000123/";
    int up = publish(topic.length() + "windows".length(), batch.length);
    int down = publish(topic.length() + "committed".length(), committed.length);
    // Each publish is acknowledged: fixed header, packet id, reason, no properties.
    int acknowledgement = 6;
    return tls(up) + tls(acknowledgement) + tls(down) + tls(acknowledgement);
  }

  private static int publish(int topic, int payload) {
    int rest = 2 + topic + 2 + 1 + payload;
    int lengthBytes = rest < 128 ? 1 : rest < 16_384 ? 2 : 3;
    return 1 + lengthBytes + rest;
  }

  // Header, content type and tag of each record of at most 16 KiB.
  private static int tls(int bytes) {
    return bytes + 22 * ((bytes + 16_383) / 16_384);
  }
}
