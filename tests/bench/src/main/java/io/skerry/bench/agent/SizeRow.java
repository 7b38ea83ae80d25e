package io.skerry.bench.agent;

import io.skerry.bench.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** How large the image is. Nothing is required; it is told. */
final class SizeRow {
  static final String NAME = "image-size";

  private SizeRow() {}

  static List<Claim> measure(Image image, boolean quick) throws IOException {
    long unpacked = 0;
    try (Stream<Path> files = Files.walk(image.folder())) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        unpacked += Files.size(file);
      }
    }
    return List.of(
        new Claim(
            NAME,
            "reported",
            Math.round(Files.size(image.archive()) / 1e5) / 10.0,
            "MB",
            true,
            "%s, unpacked %d MB"
                .formatted(image.archive().getFileName(), Math.round(unpacked / 1e6))));
  }
}
