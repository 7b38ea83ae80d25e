package io.skerry.profile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Finds out what this machine is, from what Linux tells under {@code /proc}, {@code /sys} and
 * {@code /dev}. What cannot be read counts as not there.
 */
public final class FactsProbe {
  private static final int DEVICES_MAX = 16;
  private static final String INTEL = "0x8086";
  private static final int SYSTEM_CHARS_MAX = 400;

  private final Path root;
  private final String osArch;

  FactsProbe(Path root, String osArch) {
    this.root = root;
    this.osArch = osArch;
  }

  /**
   * The facts of this machine.
   *
   * @param engines that the caller could load, with their execution providers
   */
  public static HardwareFacts detect(List<String> engines) {
    return new FactsProbe(Path.of("/"), System.getProperty("os.arch", "")).facts(engines);
  }

  /** The facts of this machine, engines not looked for. */
  public static HardwareFacts detect() {
    return detect(List.of());
  }

  HardwareFacts facts(List<String> engines) {
    return new HardwareFacts(
        architecture(),
        cpuFeatures(),
        Runtime.getRuntime().availableProcessors(),
        memoryBytes(),
        accelerators(),
        engines,
        board());
  }

  private String architecture() {
    return switch (osArch) {
      case "amd64", "x86_64" -> "x86-64";
      case "aarch64" -> "arm64";
      default -> osArch;
    };
  }

  private List<String> cpuFeatures() {
    Set<String> common = new TreeSet<>();
    boolean first = true;
    for (String line : text("proc/cpuinfo").lines().toList()) {
      int colon = line.indexOf(':');
      String key = colon < 0 ? "" : line.substring(0, colon).strip();
      if (!key.equals("flags") && !key.equals("Features")) {
        continue;
      }
      List<String> features = Arrays.asList(line.substring(colon + 1).strip().split("\\s+"));
      // Cores can differ; a thread may run on any of them.
      if (first) {
        common.addAll(features);
      } else {
        common.retainAll(features);
      }
      first = false;
    }
    common.remove("");
    return List.copyOf(common);
  }

  private long memoryBytes() {
    long total =
        text("proc/meminfo")
            .lines()
            .filter(line -> line.startsWith("MemTotal:"))
            .findFirst()
            .map(line -> number(line.replaceAll("[^0-9]", "")) * 1024)
            .orElse(0L);
    long limit =
        MemoryGroup.limit(root.resolve("proc"), root.resolve("sys/fs/cgroup")).orElse(total);
    return limit > 0 && limit < total ? limit : total;
  }

  private List<String> accelerators() {
    List<String> found = new ArrayList<>();
    boolean nvidia = anyDevice("dev/nvidia") || exists("dev/nvhost-gpu");
    if (nvidia) {
      found.add("cuda");
    }
    if (anyOfVendor("sys/class/drm", "renderD", INTEL)) {
      found.add("intel-gpu");
    }
    if (anyOfVendor("sys/class/accel", "accel", INTEL)) {
      found.add("intel-npu");
    }
    // FastRPC's node to the compute DSP, by the mainline kernel's name and by Qualcomm's own.
    if (exists("dev/fastrpc-cdsp")
        || exists("dev/fastrpc-cdsp-secure")
        || exists("dev/adsprpc-smd")) {
      found.add("qualcomm-npu");
    }
    if (anyDevice("dev/apex_")) {
      found.add("edgetpu");
    }
    return found;
  }

  private boolean exists(String file) {
    return Files.exists(root.resolve(file));
  }

  private boolean anyDevice(String prefix) {
    return Stream.iterate(0, i -> i + 1).limit(DEVICES_MAX).anyMatch(i -> exists(prefix + i));
  }

  private boolean anyOfVendor(String folder, String prefix, String vendor) {
    try (Stream<Path> devices = Files.list(root.resolve(folder))) {
      return devices
          .filter(device -> String.valueOf(device.getFileName()).startsWith(prefix))
          .limit(DEVICES_MAX)
          .anyMatch(
              device -> read(device.resolve("device/vendor")).orElse("").strip().equals(vendor));
    } catch (IOException e) {
      // No such class of devices.
      return false;
    }
  }

  private String board() {
    return Stream.of("sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name")
        .map(this::text)
        .map(text -> text.replaceAll("\\p{Cntrl}", " ").strip())
        .filter(text -> !text.isEmpty())
        .map(text -> text.substring(0, Math.min(text.length(), 120)))
        .findFirst()
        .orElse("");
  }

  /**
   * What this machine's firmware, image and kernel are, in words that change when they do; empty
   * when nothing of it can be read. At most 400 characters.
   */
  public static String detectSystem() {
    return new FactsProbe(Path.of("/"), "").system();
  }

  String system() {
    String release = text("etc/os-release");
    String kernel = text("proc/sys/kernel/osrelease").strip();
    String system =
        Stream.of(
                text("sys/class/dmi/id/bios_version").strip(),
                value(release, "PRETTY_NAME"),
                value(release, "IMAGE_VERSION"),
                value(release, "BUILD_ID"),
                kernel.isEmpty() ? "" : "Linux " + kernel)
            .map(text -> text.replaceAll("\\p{Cntrl}", " ").strip())
            .filter(text -> !text.isEmpty())
            .collect(Collectors.joining(", "));
    return system.substring(0, Math.min(system.length(), SYSTEM_CHARS_MAX));
  }

  private static String value(String release, String key) {
    return release
        .lines()
        .filter(line -> line.startsWith(key + "="))
        .map(line -> line.substring(key.length() + 1).strip().replaceAll("^[\"']|[\"']$", ""))
        .findFirst()
        .orElse("");
  }

  private static long number(String digits) {
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  private String text(String file) {
    return read(root.resolve(file)).orElse("");
  }

  private static Optional<String> read(Path file) {
    try {
      return Optional.of(Files.readString(file, StandardCharsets.ISO_8859_1));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
