package io.skerry.control.dataset;

import com.google.protobuf.InvalidProtocolBufferException;
import io.skerry.artifact.ArtifactException;
import io.skerry.control.artifact.ArtifactStore;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Digest;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Which models' devices let no client id leave by which its predictions could be found here. */
final class HiddenSubjects {
  // As the privacy rules name it.
  private static final String CLIENT_ID = "client-id";

  private HiddenSubjects() {}

  /** In words, what an erasure of a subject cannot reach; empty where every model tells ids. */
  static Optional<String> told(Transaction transaction, ArtifactStore artifacts) {
    Set<String> models = new TreeSet<>();
    transaction.forEach(
        "select model, version, manifest from variant where manifest is not null",
        row -> {
          if (hides(artifacts, row.text("manifest"))) {
            models.add("%s@%d".formatted(row.text("model"), row.bigint("version")));
          }
        });
    return models.isEmpty()
        ? Optional.empty()
        : Optional.of(
            ("devices hash or drop the client ids of %s, with keys that never leave them: what these"
                    + " predicted of this subject cannot be told from others' and was not erased;"
                    + " erase by device instead")
                .formatted(String.join(", ", models)));
  }

  private static boolean hides(ArtifactStore artifacts, String manifest) {
    try {
      return artifacts
          .manifest(Digest.parse(manifest))
          .flatMap(artifacts::monitoring)
          .map(HiddenSubjects::hides)
          .orElse(false);
    } catch (ArtifactException | IllegalArgumentException e) {
      // Whose rules nobody can read may hide ids as well.
      return true;
    }
  }

  private static boolean hides(byte[] monitoring) {
    try {
      return MonitoringManifest.parseFrom(monitoring).getPrivacyList().stream()
          .anyMatch(rule -> rule.getField().equals(CLIENT_ID));
    } catch (InvalidProtocolBufferException e) {
      return true;
    }
  }
}
