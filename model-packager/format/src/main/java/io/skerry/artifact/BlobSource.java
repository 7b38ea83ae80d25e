package io.skerry.artifact;

import io.skerry.protocol.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where blobs come from. What it gives is not believed: the reader checks it. */
@FunctionalInterface
public interface BlobSource {
  /**
   * Opens a blob.
   *
   * @throws java.nio.file.NoSuchFileException if there is none of this digest
   */
  InputStream open(Digest digest) throws IOException;

  /** The blobs of a folder in OCI image layout. */
  static BlobSource ofLayout(Path folder) {
    return digest -> Files.newInputStream(OciLayout.blob(folder, digest));
  }
}
