package io.skerry.simulator.disk;

import io.skerry.agent.disk.Disk;

final class LocalDiskTest extends DiskContract {
  @Override
  Disk disk() {
    return Disk.local();
  }
}
