package io.skerry.agent.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** The machine's own file system. */
enum LocalDisk implements Disk {
  INSTANCE;

  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  @Override
  public boolean exists(Path path) {
    return Files.exists(path);
  }

  @Override
  public List<Path> list(Path folder) throws IOException {
    try (Stream<Path> names = Files.list(folder)) {
      return names.sorted().toList();
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  @Override
  public byte[] read(Path file) throws IOException {
    return Files.readAllBytes(file);
  }

  @Override
  public DiskFile open(Path file, Opening opening) throws IOException {
    try {
      return new LocalFile(
          file.toString(),
          opening == Opening.NEW_PRIVATE
              ? FileChannel.open(file, options(opening), OWNER_ONLY)
              : FileChannel.open(file, options(opening)));
    } catch (IOException e) {
      throw told(file, e);
    }
  }

  private static Set<OpenOption> options(Opening opening) {
    return switch (opening) {
      case READ -> Set.of(StandardOpenOption.READ);
      case EXISTING -> Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE);
      case NEW_PRIVATE ->
          Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW);
      case CREATE ->
          Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
      case EMPTY ->
          Set.of(
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING);
    };
  }

  @Override
  public void createFolders(Path folder) throws IOException {
    List<Path> parents = new ArrayList<>();
    for (Path at = folder.toAbsolutePath(); !Files.exists(at); at = parents.getFirst()) {
      Path parent = at.getParent();
      if (parent == null) {
        break;
      }
      parents.addFirst(parent);
    }
    try {
      Files.createDirectories(folder);
      // What is forced inside is lost with a folder whose own name a power cut takes.
      for (Path parent : parents) {
        forceFolder(parent);
      }
    } catch (IOException e) {
      throw told(folder, e);
    }
  }

  @Override
  public void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw told(to, e);
    }
  }

  @Override
  public void delete(Path path) throws IOException {
    Files.deleteIfExists(path);
  }

  @Override
  public void forceFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  @Override
  public long usableBytes(Path path) throws IOException {
    Path there = path.toAbsolutePath();
    while (!Files.exists(there) && there.getParent() != null) {
      there = there.getParent();
    }
    return Files.getFileStore(there).getUsableSpace();
  }

  // The file system tells it by words only, in the language of the C library's default locale.
  private static IOException told(Path path, IOException e) {
    return told(path.toString(), e);
  }

  private static IOException told(String path, IOException e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("No space left") || message.contains("quota exceeded")
        ? new DiskFullException(path, e)
        : e;
  }

  private record LocalFile(String name, FileChannel channel) implements DiskFile {
    @Override
    public int read(ByteBuffer buffer, long at) throws IOException {
      int total = 0;
      while (buffer.hasRemaining()) {
        int read = channel.read(buffer, at + total);
        if (read < 0) {
          break;
        }
        total += read;
      }
      return total;
    }

    @Override
    public void write(ByteBuffer bytes, long at) throws IOException {
      try {
        long position = at;
        while (bytes.hasRemaining()) {
          position += channel.write(bytes, position);
        }
      } catch (IOException e) {
        throw told(name, e);
      }
    }

    @Override
    public void truncate(long size) throws IOException {
      channel.truncate(size);
    }

    @Override
    public void force() throws IOException {
      try {
        channel.force(true);
      } catch (IOException e) {
        throw told(name, e);
      }
    }

    @Override
    public long size() throws IOException {
      return channel.size();
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
