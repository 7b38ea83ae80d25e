package io.skerry.simulator.disk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.Disk.Opening;
import io.skerry.agent.disk.DiskFile;
import io.skerry.agent.disk.DiskFullException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class MemoryDiskTest extends DiskContract {
  private static final Path FOLDER = Path.of("/device");
  private static final Path FILE = FOLDER.resolve("file");

  @Override
  Disk disk() {
    return new MemoryDisk();
  }

  private static MemoryDisk withFolder() throws IOException {
    MemoryDisk disk = new MemoryDisk();
    disk.createFolders(FOLDER);
    return disk;
  }

  private static void writeUnforced(Disk disk, Path file, String content) throws IOException {
    try (DiskFile open = disk.open(file, Opening.EMPTY)) {
      open.write(ByteBuffer.wrap(content.getBytes(java.nio.charset.StandardCharsets.UTF_8)), 0);
    }
  }

  @Test
  void aCopyAndItsOriginalShowNothingOfEachOther() throws IOException {
    MemoryDisk disk = withFolder();
    write(disk, FILE, "forced");
    disk.forceFolder(FOLDER);
    writeUnforced(disk, FILE, "before");
    MemoryDisk copy = disk.copy();

    writeUnforced(disk, FILE, "of the original");
    writeUnforced(disk, FOLDER.resolve("other"), "of the original");
    try (DiskFile open = copy.open(FILE, Opening.EXISTING)) {
      open.write(ByteBuffer.wrap(new byte[] {'B'}), 0);
    }

    assertEquals("Before", read(copy, FILE));
    assertEquals("of the original", read(disk, FILE));
    assertFalse(copy.exists(FOLDER.resolve("other")));
    copy.restart(new Loss.PowerCut(0));
    assertEquals("forced", read(copy, FILE));
    assertEquals("of the original", read(disk, FILE));
    disk.restart(new Loss.PowerCut(0));
    assertEquals("forced", read(disk, FILE));
  }

  @Test
  void aKilledProcessLosesNothing() throws IOException {
    MemoryDisk disk = withFolder();
    writeUnforced(disk, FILE, "hello");

    disk.restart(new Loss.Kill());

    assertEquals("hello", read(disk, FILE));
  }

  @Test
  void aPowerCutLosesWhatWasNotForced() throws IOException {
    MemoryDisk disk = withFolder();
    write(disk, FILE, "hello");
    disk.restart(new Loss.PowerCut(0));
    assertFalse(disk.exists(FILE), "its name was not forced");

    write(disk, FILE, "hello");
    disk.forceFolder(FOLDER);
    writeUnforced(disk, FILE, "other");
    disk.restart(new Loss.PowerCut(0));
    assertEquals("hello", read(disk, FILE));
  }

  @Test
  void aPowerCutCanLeaveAnyPartOfWhatWasNotForced() throws IOException {
    Set<String> seen = new HashSet<>();
    for (long seed = 1; seed < 200; seed++) {
      MemoryDisk disk = withFolder();
      write(disk, FILE, "ab");
      disk.forceFolder(FOLDER);
      try (DiskFile open = disk.open(FILE, Opening.EXISTING)) {
        open.write(ByteBuffer.wrap(new byte[] {'C', 'D'}), 0);
      }
      disk.restart(new Loss.PowerCut(seed));
      seen.add(read(disk, FILE));
    }
    assertEquals(Set.of("ab", "Cb", "CD"), seen);
  }

  @Test
  void stopsBeforeInsideAndAfterAnOperation() throws IOException {
    for (Stop stop : Stop.values()) {
      MemoryDisk disk = withFolder();
      write(disk, FILE, "");
      DiskFile open = disk.open(FILE, Opening.EXISTING);
      disk.stopAt(disk.operations() + 1, stop);
      assertThrows(
          MachineStopped.class, () -> open.write(ByteBuffer.wrap(new byte[] {'a', 'b'}), 0));
      assertTrue(disk.isStopped());
      assertThrows(MachineStopped.class, () -> disk.read(FILE));
      disk.restart(new Loss.Kill());
      assertThrows(IOException.class, open::size);
      assertEquals(
          switch (stop) {
            case BEFORE -> "";
            case INSIDE -> "a";
            case AFTER -> "ab";
          },
          read(disk, FILE));
    }
  }

  @Test
  void aFullDiskTakesPartOfAWrite() throws IOException {
    MemoryDisk disk = new MemoryDisk(4);
    disk.createFolders(FOLDER);
    try (DiskFile open = disk.open(FILE, Opening.CREATE)) {
      open.write(ByteBuffer.wrap(new byte[] {'a', 'b', 'c', 'd'}), 0);
      assertEquals(0, disk.usableBytes(FILE));
      assertThrows(
          DiskFullException.class, () -> open.write(ByteBuffer.wrap(new byte[] {'e', 'f'}), 4));
      open.write(ByteBuffer.wrap(new byte[] {'A'}), 0);
    }
  }

  @Test
  void failsUntilItIsHealed() throws IOException {
    for (Failure failure : Failure.values()) {
      MemoryDisk disk = withFolder();
      write(disk, FILE, "");
      disk.failFrom(disk.operations() + 1, failure);
      if (failure == Failure.UNREADABLE) {
        write(disk, FILE, "a");
        assertThrows(IOException.class, () -> read(disk, FILE), failure.name());
      } else {
        assertThrows(IOException.class, () -> write(disk, FILE, "ab"), failure.name());
      }
      disk.heal();
      write(disk, FILE, "ab");
      assertEquals("ab", read(disk, FILE));
    }
  }

  @Test
  void whatCouldNotBeForcedIsForcedOnlyAfterItIsWrittenAgain() throws IOException {
    MemoryDisk disk = withFolder();
    for (boolean again : new boolean[] {false, true}) {
      write(disk, FILE, "");
      disk.forceFolder(FOLDER);
      try (DiskFile open = disk.open(FILE, Opening.CREATE)) {
        open.write(ByteBuffer.wrap(new byte[] {'a', 'b'}), 0);
        disk.failFrom(disk.operations() + 1, Failure.SHORT_WRITE);
        assertThrows(IOException.class, open::force);
        disk.heal();
        assertEquals("ab", read(disk, FILE));
        if (again) {
          open.write(ByteBuffer.wrap(new byte[] {'a', 'b'}), 0);
        }
        open.force();
      }
      disk.restart(new Loss.PowerCut(0));
      assertEquals(again ? "ab" : "\0\0", read(disk, FILE));
    }
  }

  @Test
  void flipsABit() throws IOException {
    MemoryDisk disk = withFolder();
    write(disk, FILE, "ab");
    disk.flipBit(FILE, 8);
    assertEquals("ac", read(disk, FILE));
  }
}
