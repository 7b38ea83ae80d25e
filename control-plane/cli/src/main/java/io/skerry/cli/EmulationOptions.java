package io.skerry.cli;

import io.skerry.api.PackagingRequest;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Whether accuracy is proved where the server's machine lacks a profile's instructions. */
final class EmulationOptions {
  @Option(
      names = "--emulate",
      description =
          "prove accuracy under QEMU where the server's machine lacks a profile's instructions")
  private boolean emulate;

  @Option(
      names = "--emulated-items",
      description =
          "evaluation items to run there; default: "
              + PackagingRequest.EMULATED_ITEMS
              + "; implies --emulate; 'create variants' without either runs as many as last time, with 0 none")
  private @Nullable Integer items;

  /** What a packaging is asked for; absent when nothing is said. */
  @Nullable Integer items() {
    return items == null && emulate ? Integer.valueOf(PackagingRequest.EMULATED_ITEMS) : items;
  }
}
