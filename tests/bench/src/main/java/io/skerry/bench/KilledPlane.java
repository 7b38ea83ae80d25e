package io.skerry.bench;

import io.skerry.control.drift.Judge;
import io.skerry.control.ingest.QuietPlane;
import io.skerry.control.link.InboundMessage;
import io.skerry.protocol.CommittedRange;
import io.skerry.protocol.DeviceId;
import io.skerry.wire.fleet.v1.ModelRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The process that stores and judges until somebody kills it, and the devices that send to it: one
 * record of each in a window, again whatever was not acknowledged, and some of what was. A window
 * is judged when it is stored of all, so that whoever was killed how often has the same to judge.
 *
 * <p>It says what it does, a line each: {@code storing}, {@code ack DEVICE THROUGH .}, {@code
 * judging WINDOW .}, {@code judged WINDOW .}, {@code done}.
 */
public final class KilledPlane {
  static final int DEVICES = 400;
  private static final int AGAIN = 3;
  private static final int MESSAGES = 40;
  // A window is judged without what came in the last moments.
  private static final long SETTLE_MILLIS = 400;

  private final QuietPlane plane;
  private final WindowLoad load;
  private final ModelRef model;
  private final long[] acknowledged;
  private final Random random = new Random();

  private KilledPlane(QuietPlane plane, WindowLoad load, ModelRef model, long[] acknowledged) {
    this.plane = plane;
    this.load = load;
    this.model = model;
    this.acknowledged = acknowledged;
  }

  /**
   * A database's address, a folder, the first window, windows, and from which on one site moves.
   */
  public static void main(String[] arguments) throws Exception {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Path folder = Path.of(arguments[1]);
    long first = Long.parseLong(arguments[2]);
    int windows = Integer.parseInt(arguments[3]);
    int moves = Integer.parseInt(arguments[4]);
    long[] known =
        Files.readAllLines(folder.resolve("acknowledged")).stream()
            .mapToLong(Long::parseLong)
            .toArray();
    try (QuietPlane plane = new QuietPlane(arguments[0], folder.resolve("data"))) {
      WindowLoad load = new WindowLoad(7, first + moves);
      ModelRef model = load.enrol(plane, Files.createTempDirectory(folder, "layout"), DEVICES);
      tell("storing");
      new KilledPlane(plane, load, model, known).run(first, windows);
      tell("done");
    }
  }

  private static void tell(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private void run(long first, int windows) throws IOException, InterruptedException {
    Judge judge = new Judge(plane.bean(Judge.type()));
    // Whether the last one was judged, nobody knows who was killed.
    long begun = Arrays.stream(acknowledged).min().orElse(0);
    for (long window = Math.max(0, begun - 1); window < windows; window++) {
      store(first, window);
      Thread.sleep(SETTLE_MILLIS);
      tell("judging %d .".formatted(window));
      if (!judge.judge(model, WindowLoad.WINDOW_MILLIS, first + window)) {
        throw new IOException("window %d could not be judged".formatted(window));
      }
      tell("judged %d .".formatted(window));
    }
  }

  private void store(long first, long window) {
    List<Integer> devices = new ArrayList<>(IntStream.range(0, DEVICES).boxed().toList());
    Collections.shuffle(devices, random);
    for (int at = 0; at < DEVICES; at += MESSAGES) {
      List<InboundMessage> messages = new ArrayList<>();
      for (int device : devices.subList(at, Math.min(DEVICES, at + MESSAGES))) {
        long from = Math.max(1, acknowledged[device] + 1 - random.nextInt(AGAIN));
        int records = (int) (window + 2 - from);
        if (records > 0) {
          messages.add(load.message(model, device, from, first + from - 1, records));
        }
      }
      plane.store(messages).forEach(this::acknowledge);
    }
  }

  private void acknowledge(DeviceId device, List<CommittedRange> ranges) {
    int number = Integer.parseInt(device.value().substring("device-".length()));
    for (CommittedRange range : ranges) {
      acknowledged[number] = Math.max(acknowledged[number], range.through());
      tell("ack %d %d .".formatted(number, range.through()));
    }
  }
}
