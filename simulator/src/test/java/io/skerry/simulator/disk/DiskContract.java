package io.skerry.simulator.disk;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.skerry.agent.disk.Disk;
import io.skerry.agent.disk.Disk.Opening;
import io.skerry.agent.disk.DiskFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What every disk does, the real one and the one in memory. */
abstract class DiskContract {
  @TempDir Path temporary;
  private Disk disk;
  private Path folder;

  abstract Disk disk();

  @BeforeEach
  void makeFolder() throws IOException {
    disk = disk();
    folder = temporary.resolve("a").resolve("b");
    disk.createFolders(folder);
  }

  static void write(Disk disk, Path file, String content) throws IOException {
    try (DiskFile open = disk.open(file, Opening.EMPTY)) {
      open.write(ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8)), 0);
      open.force();
    }
  }

  static String read(Disk disk, Path file) throws IOException {
    return new String(disk.read(file), StandardCharsets.UTF_8);
  }

  @Test
  void readsWhatWasWritten() throws IOException {
    Path file = folder.resolve("file");
    write(disk, file, "hello world");

    assertEquals("hello world", read(disk, file));
    assertTrue(disk.exists(file));
    assertTrue(disk.exists(folder));
    assertFalse(disk.exists(folder.resolve("other")));
  }

  @Test
  void writesInTheMiddleAndBehindTheEnd() throws IOException {
    Path file = folder.resolve("file");
    write(disk, file, "hello");
    try (DiskFile open = disk.open(file, Opening.EXISTING)) {
      open.write(ByteBuffer.wrap(new byte[] {'J'}), 0);
      open.write(ByteBuffer.wrap(new byte[] {'!'}), 7);
      assertEquals(8, open.size());
      ByteBuffer buffer = ByteBuffer.allocate(20);
      assertEquals(7, open.read(buffer, 1));
      assertEquals(0, open.read(buffer, 8));
    }
    assertArrayEquals(new byte[] {'J', 'e', 'l', 'l', 'o', 0, 0, '!'}, disk.read(file));
  }

  @Test
  void whatIsCutOffStaysAway() throws IOException {
    Path file = folder.resolve("file");
    write(disk, file, "hello");
    try (DiskFile open = disk.open(file, Opening.CREATE)) {
      open.truncate(2);
      open.truncate(10);
      assertEquals(2, open.size());
      open.write(ByteBuffer.wrap(new byte[] {'!'}), 3);
    }
    assertArrayEquals(new byte[] {'h', 'e', 0, '!'}, disk.read(file));
  }

  @Test
  void readsZerosWhereNothingWasWritten() throws IOException {
    Path file = folder.resolve("file");
    byte[] expected = new byte[1700];
    try (DiskFile open = disk.open(file, Opening.CREATE)) {
      for (int at : new int[] {3, 40, 511, 1699}) {
        open.write(ByteBuffer.wrap(new byte[] {'!', '?'}, 0, at == 1699 ? 1 : 2), at);
        expected[at] = '!';
        if (at != 1699) {
          expected[at + 1] = '?';
        }
      }
      assertArrayEquals(expected, disk.read(file));
      open.force();
      open.truncate(512);
      open.write(ByteBuffer.wrap(new byte[] {'.'}), 530);
    }
    byte[] cut = Arrays.copyOf(Arrays.copyOf(expected, 512), 531);
    cut[530] = '.';
    assertArrayEquals(cut, disk.read(file));
  }

  @Test
  void opensAsAsked() throws IOException {
    Path file = folder.resolve("file");
    assertThrows(NoSuchFileException.class, () -> disk.open(file, Opening.EXISTING));
    disk.open(file, Opening.NEW_PRIVATE).close();
    assertThrows(FileAlreadyExistsException.class, () -> disk.open(file, Opening.NEW_PRIVATE));
    write(disk, file, "hello");
    disk.open(file, Opening.CREATE).close();
    assertEquals("hello", read(disk, file));
    disk.open(file, Opening.EMPTY).close();
    assertEquals("", read(disk, file));
    Path nowhere = temporary.resolve("missing").resolve("file");
    assertThrows(NoSuchFileException.class, () -> disk.open(nowhere, Opening.CREATE));
  }

  @Test
  void movesOverWhatIsThere() throws IOException {
    Path from = folder.resolve("from");
    Path to = folder.resolve("to");
    write(disk, from, "new");
    write(disk, to, "old");

    disk.move(from, to);
    disk.forceFolder(folder);

    assertEquals("new", read(disk, to));
    assertFalse(disk.exists(from));
    assertThrows(NoSuchFileException.class, () -> disk.move(from, to));
  }

  @Test
  void listsFilesAndFoldersInOrder() throws IOException {
    write(disk, folder.resolve("z"), "");
    write(disk, folder.resolve("a"), "");
    disk.createFolders(folder.resolve("m"));

    assertEquals(
        List.of(folder.resolve("a"), folder.resolve("m"), folder.resolve("z")), disk.list(folder));
    assertEquals(List.of(), disk.list(folder.resolve("missing")));
  }

  @Test
  void deletesFilesAndEmptyFolders() throws IOException {
    Path file = folder.resolve("file");
    write(disk, file, "x");

    assertThrows(DirectoryNotEmptyException.class, () -> disk.delete(folder));
    disk.delete(file);
    disk.delete(file);
    disk.delete(folder);

    assertFalse(disk.exists(folder));
    assertThrows(NoSuchFileException.class, () -> disk.read(file));
  }

  @Test
  void anOpenFileOutlivesItsName() throws IOException {
    Path file = folder.resolve("file");
    write(disk, file, "hello");
    try (DiskFile open = disk.open(file, Opening.EXISTING)) {
      disk.delete(file);
      ByteBuffer buffer = ByteBuffer.allocate(5);
      assertEquals(5, open.read(buffer, 0));
    }
  }

  @Test
  void tellsTheRoomThatIsLeft() throws IOException {
    assertTrue(disk.usableBytes(folder.resolve("not").resolve("there")) > 0);
  }
}
