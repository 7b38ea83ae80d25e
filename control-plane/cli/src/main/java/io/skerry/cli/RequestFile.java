package io.skerry.cli;

import com.google.gson.JsonObject;
import io.skerry.api.document.InvalidDocumentException;
import io.skerry.api.document.RequestDocument;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A request as a YAML file. */
final class RequestFile {
  private RequestFile() {}

  /** The file as the API's request. */
  static JsonObject read(RequestDocument kind, Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw wrong(file, "there is no such file");
      }
      if (Files.size(file) > RequestDocument.CHARACTERS_MAX) {
        throw wrong(file, "it is larger than %d bytes".formatted(RequestDocument.CHARACTERS_MAX));
      }
      return kind.read(file.toString(), Files.readString(file));
    } catch (InvalidDocumentException e) {
      throw wrong(file, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw wrong(file, "it cannot be read: " + e.getMessage());
    }
  }

  private static CommandFailed wrong(Path file, String why) {
    return new CommandFailed(ExitCodes.USAGE, "%s: %s".formatted(file, why));
  }
}
