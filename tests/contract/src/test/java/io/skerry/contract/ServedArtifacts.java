package io.skerry.contract;

import io.skerry.protocol.Digest;
import java.net.URI;
import java.net.http.HttpClient;

/** An artifact server, and a device's line to it. */
interface ServedArtifacts {
  /** What a device asks with. */
  HttpClient http();

  /** Where its artifacts are. */
  URI base();

  /** What is served under a digest from now on, whether it has that digest or not. */
  void serve(Digest digest, byte[] content) throws Exception;

  /** The line breaks once about so many more bytes of answers have come, and takes no more. */
  void breakAfter(int bytes);

  /** The line takes nothing any more. */
  void refuse() throws Exception;

  /** The line is whole again. */
  void mend();
}
