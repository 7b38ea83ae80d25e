package io.skerry.packager.emulate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * What an emulated arm64 program finds in place of this machine's files: those of a folder that
 * {@code model-packager/arm64-root} made, and a description of the processor that is emulated.
 *
 * <p>Engines choose their kernels by that description. One with more than the processor has ends
 * the program at the first instruction that it lacks.
 *
 * @param root the folder
 * @param cpu as QEMU names it
 */
record Arm64Root(Path root, String cpu) {
  /** Of Armv8.0, without dot products, as in a Raspberry Pi 4. */
  static final String WITHOUT_DOT_PRODUCTS = "cortex-a72";

  /** All that QEMU knows. */
  static final String WITH_DOT_PRODUCTS = "max";

  private static final String FOLDER = "emulated-root";
  private static final String PROCESSORS = "proc";

  /** What a command runs in, and with: {@code qemu -L folder -cpu cpu}. */
  List<String> options(Path folder) {
    return List.of("-L", folder.resolve(FOLDER).toAbsolutePath().toString(), "-cpu", cpu);
  }

  /** Makes it below a folder: links, for it takes 300 MB. */
  void make(Path folder) throws IOException {
    remove(folder);
    Path made = Files.createDirectories(folder.resolve(FOLDER));
    for (Path each : entries(root)) {
      if (!each.getFileName().toString().equals(PROCESSORS)) {
        Files.createSymbolicLink(made.resolve(each.getFileName()), each.toAbsolutePath());
      }
    }
    Path processors = Files.createDirectory(made.resolve(PROCESSORS));
    Files.writeString(processors.resolve("cpuinfo"), description());
  }

  /** Removes it, and nothing that it leads to. */
  static void remove(Path folder) throws IOException {
    Path made = folder.resolve(FOLDER);
    if (!Files.exists(made)) {
      return;
    }
    List<Path> all = new ArrayList<>();
    try (Stream<Path> paths = Files.walk(made)) {
      paths.forEach(all::add);
    }
    all.sort(Comparator.reverseOrder());
    for (Path path : all) {
      Files.delete(path);
    }
  }

  private static List<Path> entries(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    }
  }

  private String description() {
    boolean dotProducts = !cpu.equals(WITHOUT_DOT_PRODUCTS);
    return String.join(
        "\n",
        "processor\t: 0",
        "BogoMIPS\t: 100.00",
        "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
            + (dotProducts ? " atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp" : ""),
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        "CPU variant\t: " + (dotProducts ? "0x4" : "0x0"),
        // A Cortex-A76 or a Cortex-A72: of the former engines know that it has dot products.
        "CPU part\t: " + (dotProducts ? "0xd0b" : "0xd08"),
        "CPU revision\t: " + (dotProducts ? "1" : "3"),
        "");
  }
}
