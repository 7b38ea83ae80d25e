package io.skerry.packager;

import io.skerry.artifact.ArtifactException;
import io.skerry.protocol.ErrorCode;
import java.nio.file.Path;

/** Says of an artifact that is not as it should be which one it is, and what to do. */
final class RefusedArtifact {
  private static final String NAMED = "name one of those";

  private RefusedArtifact() {}

  static ArtifactException told(Path folder, ArtifactException refusal) {
    String text = String.valueOf(refusal.getMessage());
    String which = text.contains(folder.toString()) ? text : "%s: %s".formatted(folder, text);
    String remedy =
        refusal.code() == ErrorCode.ARTIFACT_SIGNATURE_INVALID
            ? ": give the public key that its release was signed with, or package it again"
            : ": package it again, or fetch it again";
    return new ArtifactException(
        refusal.code(), text.contains(NAMED) ? which : which + remedy, refusal);
  }
}
