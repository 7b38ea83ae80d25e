package io.skerry.control.packaging;

import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the input of an imported model is to be, where its file leaves it open. */
final class InputShapes {
  private static final String FILE = "input-shape.txt";
  private static final int CHARS_MAX = 1_000;

  /** As the packager reads it: a name that may be left out, the batch, which is 1, and others. */
  private static final Pattern SHAPE = Pattern.compile("(\\S.*=)?1(,[1-9][0-9]{0,8}){1,16}");

  private InputShapes() {}

  /**
   * What was asked for, when it can be.
   *
   * @throws ProblemException with one line that says what is wrong
   */
  static Optional<String> checked(@Nullable String asked) {
    if (asked == null) {
      return Optional.empty();
    }
    if (asked.length() > CHARS_MAX || !SHAPE.matcher(asked).matches()) {
      throw new ProblemException(
          ErrorCode.REQUEST_INVALID,
          "inputShape '%.100s' is none: write name=1,3,224,224, the batch first, which is 1"
              .formatted(asked));
    }
    return Optional.of(asked);
  }

  /** Keeps it with the data of an import. */
  static void keep(Optional<String> shape, Path folder) throws IOException {
    if (shape.isPresent()) {
      Files.writeString(folder.resolve(FILE), shape.get());
    }
  }

  /** What was kept with the data of an import. */
  static Optional<String> kept(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
  }
}
