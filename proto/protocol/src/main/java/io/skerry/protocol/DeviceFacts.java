package io.skerry.protocol;

import java.util.List;

/**
 * What a device found out about its hardware.
 *
 * @param arch {@code x86-64} or {@code arm64}
 * @param cpuFeatures as the kernel names them, for example {@code avx2}, {@code avx512_vnni},
 *     {@code asimddp}
 * @param accelerators for example {@code cuda:8.7}
 * @param engines engines with their execution providers, for example {@code onnxruntime/cpu}
 * @param board the board's model, empty when unknown
 */
public record DeviceFacts(
    String arch,
    List<String> cpuFeatures,
    int cores,
    long memoryBytes,
    List<String> accelerators,
    List<String> engines,
    String board) {
  public DeviceFacts {
    cpuFeatures = List.copyOf(cpuFeatures);
    accelerators = List.copyOf(accelerators);
    engines = List.copyOf(engines);
  }
}
