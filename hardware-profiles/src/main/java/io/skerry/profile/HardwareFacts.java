package io.skerry.profile;

import java.util.List;

/**
 * What a machine is.
 *
 * @param arch {@code x86-64} or {@code arm64}; anything else is the JDK's own name
 * @param cpuFeatures as the kernel names them, for example {@code avx2}, {@code avx512_vnni},
 *     {@code asimddp}; only what every core has
 * @param accelerators kind, then a colon and the version where known: {@code cuda}, {@code
 *     cuda:8.7}; others are {@code intel-gpu}, {@code intel-npu}, {@code qualcomm-npu}, {@code
 *     edgetpu}
 * @param engines engines with their execution providers that work, for example {@code
 *     onnxruntime/cpu}
 * @param board the board's model, empty when unknown
 */
public record HardwareFacts(
    String arch,
    List<String> cpuFeatures,
    int cores,
    long memoryBytes,
    List<String> accelerators,
    List<String> engines,
    String board) {
  public HardwareFacts {
    cpuFeatures = List.copyOf(cpuFeatures);
    accelerators = List.copyOf(accelerators);
    engines = List.copyOf(engines);
  }

  /** Facts that say no more than what profiles are recognised by. */
  public static HardwareFacts of(String arch, List<String> cpuFeatures, List<String> accelerators) {
    return new HardwareFacts(arch, cpuFeatures, 1, 0, accelerators, List.of(), "");
  }

  /** The same with these engines. */
  public HardwareFacts withEngines(List<String> others) {
    return new HardwareFacts(arch, cpuFeatures, cores, memoryBytes, accelerators, others, board);
  }
}
