package io.skerry.simulator.fleet;

import io.skerry.profile.HardwareFacts;
import io.skerry.simulator.machine.Machine;
import io.skerry.simulator.machine.MachineData;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Which simulated device stands where, is made of what, and is attached to which machine. */
public final class FleetPlan {
  /** Where devices stand. */
  public static final List<String> SITES = List.of("bergen", "lerwick", "torshavn");

  private static final long GIBIBYTE = 1L << 30;

  /** Boards that match four different hardware profiles. */
  private static final List<HardwareFacts> BOARDS =
      List.of(
          board("x86-64", List.of("sse4_2", "avx", "avx2", "fma"), 4, "industrial-pc-2016"),
          board(
              "x86-64",
              List.of("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni"),
              8,
              "edge-server"),
          board("arm64", List.of("fp", "asimd", "evtstrm", "crc32"), 4, "cortex-a72-board"),
          board(
              "arm64",
              List.of("fp", "asimd", "evtstrm", "crc32", "atomics", "asimddp"),
              4,
              "cortex-a76-board"));

  private FleetPlan() {}

  /**
   * One simulated device.
   *
   * @param start the machine's cycle to begin with
   */
  public record Planned(
      String device, String site, HardwareFacts facts, Machine machine, int start) {}

  /** The site of the n-th device; each site gets every board and every kind of machine. */
  public static String site(int device) {
    return SITES.get(device / BOARDS.size() % SITES.size());
  }

  /** The n-th device's place, board and machine; the same for the same seed. */
  public static Planned device(int n, MachineData data, long seed) {
    Machine machine = data.live().get(n % data.live().size());
    // Ages are staggered, so that at any time the fleet holds young and old machines.
    int start = new Random(seed * 31 + n).nextInt(machine.cycles().size());
    return new Planned(
        String.format(Locale.ROOT, "sim-%03d", n + 1),
        site(n),
        BOARDS.get(n % BOARDS.size()),
        machine,
        start);
  }

  /** The first devices of a fleet. */
  public static List<Planned> devices(int count, MachineData data, long seed) {
    List<Planned> planned = new ArrayList<>();
    for (int n = 0; n < count; n++) {
      planned.add(device(n, data, seed));
    }
    return planned;
  }

  private static HardwareFacts board(
      String arch, List<String> cpuFeatures, int cores, String board) {
    return new HardwareFacts(
        arch,
        cpuFeatures,
        cores,
        4 * GIBIBYTE,
        List.of(),
        List.of("onnxruntime/cpu", "tflite/xnnpack"),
        board);
  }
}
