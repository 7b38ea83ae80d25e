package io.skerry.control.ingest;

import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.Database;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Says which database the files of the lake belong to. Files that a database does not name are
 * removed; by another one's names those would be all.
 */
@Singleton
public final class LakeOwner {
  private final Database database;
  private final DataFolder folder;
  private final Path lake;

  LakeOwner(Database database, DataFolder folder) {
    this.database = database;
    this.folder = folder;
    this.lake = folder.child("lake");
  }

  /**
   * Requires that the lake is this database's; one that is nobody's becomes its. Before anything is
   * removed from it.
   *
   * @throws StartException if it is another's, or holds files of which this one names none
   */
  public void require() {
    String id =
        database.call(
            transaction ->
                transaction
                    .first("select id::text as id from database_identity", row -> row.text("id"))
                    .orElseThrow());
    Path file = owner();
    try {
      if (Files.exists(file)) {
        String owner = Files.readString(file, StandardCharsets.UTF_8).strip();
        if (!owner.equals(id)) {
          throw refused("belong to database '%s'".formatted(owner), id);
        }
        return;
      }
      if (holdsFiles() && !namesAny()) {
        throw refused("are unknown to this database", id);
      }
    } catch (IOException e) {
      throw new StartException("%s cannot be read: %s".formatted(lake, e.getMessage()), e);
    }
    folder.writePrivately(file, id + "\n");
  }

  private boolean holdsFiles() throws IOException {
    try (Stream<Path> files = Files.walk(lake)) {
      return files.anyMatch(Files::isRegularFile);
    }
  }

  private boolean namesAny() {
    return database.call(
        transaction ->
            transaction.number(
                    """
                    select (select count(*) from (select from lake_file limit 1) files)
                      + (select count(*) from (select from snapshot limit 1) snapshots)
                    """)
                > 0);
  }

  private StartException refused(String why, String id) {
    return new StartException(
        ("the files in %s %s: start with their own database, or choose another --data-dir; to give"
                + " them to this database, which removes what it does not name, write %s into %s")
            .formatted(lake, why, id, owner()));
  }

  private Path owner() {
    return lake.resolve("database");
  }
}
