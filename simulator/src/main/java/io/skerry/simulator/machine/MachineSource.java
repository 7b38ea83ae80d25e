package io.skerry.simulator.machine;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Where machines come from.
 *
 * @param folder C-MAPSS files; generated from the seed when empty
 */
public record MachineSource(Optional<Path> folder, long seed) {
  /**
   * Reads or makes the machines; the same for the same source.
   *
   * @throws IOException if the folder's files are missing or malformed
   */
  public MachineData load() throws IOException {
    return folder.isPresent() ? CmapssFiles.read(folder.get()) : GeneratedMachines.create(seed);
  }
}
