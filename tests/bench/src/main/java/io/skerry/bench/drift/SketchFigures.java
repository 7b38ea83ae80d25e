package io.skerry.bench.drift;

import com.sun.management.ThreadMXBean;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.DeviceHealth;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Digest;
import io.skerry.protocol.Generation;
import io.skerry.protocol.MalformedDocumentException;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.RecordStream;
import io.skerry.protocol.ReportedDocument;
import io.skerry.protocol.RolloutId;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotPhase;
import io.skerry.protocol.SlotReport;
import io.skerry.protocol.TenantId;
import io.skerry.telemetry.signal.Elements;
import io.skerry.telemetry.signal.Meter;
import io.skerry.telemetry.signal.Signal;
import io.skerry.telemetry.sketch.Degradation;
import io.skerry.telemetry.sketch.LineUpkeep;
import io.skerry.telemetry.sketch.MonitoringPlan;
import io.skerry.telemetry.sketch.WindowSketch;
import io.skerry.wire.fleet.v1.Committed;
import io.skerry.wire.fleet.v1.ModelRef;
import io.skerry.wire.fleet.v1.Record;
import io.skerry.wire.fleet.v1.RecordBatch;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** What counting costs a device, in time, memory and bytes on the line. */
final class SketchFigures {
  static final int FEATURES = 100;
  private static final int ROWS = 1000;
  private static final long DAY_SECONDS = 86_400;
  private static final String TOPIC = "skerry/v1/default/devices/device-000123/";
  // Each publish is acknowledged: fixed header, packet id, reason, no properties.
  private static final int ANSWER = 6;
  // The compiler takes its time: a device counts for years.
  private static final int WARM_UP = 1000;
  private static final int ITEMS_MEASURED = 50;

  private SketchFigures() {}

  record Cost(double nanosPerFeature, long bytesPerObservation) {}

  /** Bytes a day, what the daily co-moments are of it, and what one report is. */
  record Bytes(int hourly, int sixHourly, int coMoments, int report) {
    /**
     * What keeps the line up of a device that has so many bytes a day, with its acknowledgements.
     */
    long upkeep(long bytesPerDay) {
      LineUpkeep upkeep = LineUpkeep.of(bytesPerDay);
      long reports = Math.ceilDiv(DAY_SECONDS, upkeep.report().toSeconds());
      return pings(bytesPerDay) * LineUpkeep.PING_BYTES + reports * report;
    }

    /** Pings of a day in which nothing else is on the line. */
    long pings(long bytesPerDay) {
      return Math.ceilDiv(DAY_SECONDS, LineUpkeep.of(bytesPerDay).keepAlive().toSeconds());
    }
  }

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

  /** What measuring an image takes of a thread, by element; floats and then int8. */
  static double[] nanosPerElement(int rounds) {
    Signal.Image image = new Signal.Image(224, 224, 3, false, List.of(0f), List.of(1f));
    Random random = new Random(3);
    ByteBuffer floats =
        ByteBuffer.allocate(image.elements() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer integers = ByteBuffer.allocate(image.elements());
    for (int i = 0; i < image.elements(); i++) {
      floats.putFloat(random.nextFloat());
      integers.put((byte) random.nextInt());
    }
    return new double[] {
      nanosPerElement(image, floats, Elements.FLOATS, rounds),
      nanosPerElement(image, integers, Elements.ofIntegers(1 / 255f, -128), rounds)
    };
  }

  private static double nanosPerElement(
      Signal image, ByteBuffer item, Elements elements, int rounds) {
    Meter meter = image.meter();
    float[] into = new float[image.scalars().size()];
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    double[] nanos = new double[rounds];
    for (int round = -rounds; round < rounds; round++) {
      long start = threads.getCurrentThreadCpuTime();
      for (int i = 0; i < ITEMS_MEASURED; i++) {
        meter.measure(item, 0, elements, into);
      }
      nanos[Math.max(0, round)] =
          (double) (threads.getCurrentThreadCpuTime() - start) / ITEMS_MEASURED / image.elements();
    }
    Arrays.sort(nanos);
    return nanos[rounds / 2];
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
    return new Bytes(hourly, sixHourly, coMoments, report());
  }

  private static int report() {
    Digest manifest = Digest.of(new byte[] {1});
    byte[] report =
        ProtocolCodec.encode(
            new ReportedDocument(
                new TenantId("default"),
                new DeviceId("device-000123"),
                41,
                1000,
                Instant.ofEpochMilli(1_790_000_000_000L),
                new Generation(7, 300),
                new Generation(7, 300),
                List.of(
                    new SlotReport(
                        new SlotId("main"),
                        12,
                        SlotPhase.COMMITTED,
                        Optional.of(new RolloutId("engine-health-12")),
                        Optional.of(manifest),
                        Optional.of(
                            new SlotReport.Running(
                                ModelVersion.parse("engine-health@12"), manifest)),
                        Optional.empty(),
                        1_000_000,
                        12)),
                new DeviceFacts(
                    "aarch64",
                    List.of("fp", "asimd", "aes", "sha2", "crc32", "atomics", "asimddp"),
                    4,
                    4L << 30,
                    List.of("npu"),
                    List.of("onnxruntime/cpu", "tflite/xnnpack"),
                    "Raspberry Pi 5 Model B Rev 1.0"),
                "0.1.0",
                Map.of(RecordStream.SAMPLES, 120L, RecordStream.FEEDBACK, 7L),
                new DeviceHealth(
                    "0123456789abcdef",
                    Map.of(),
                    120_000,
                    3,
                    400,
                    Optional.of(Instant.ofEpochMilli(1_800_000_000_000L)),
                    0,
                    "Debian GNU/Linux 12 (bookworm), Linux 6.6.31+rpt-rpi-2712",
                    "Java 25+36-LTS")));
    return tls(publish(TOPIC.length() + "reported".length(), report.length)) + tls(ANSWER);
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
    int up = publish(TOPIC.length() + "windows".length(), batch.length);
    int down = publish(TOPIC.length() + "committed".length(), committed.length);
    return tls(up) + tls(ANSWER) + tls(down) + tls(ANSWER);
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
