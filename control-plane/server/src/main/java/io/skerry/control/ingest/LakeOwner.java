package io.skerry.control.ingest;

import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * Says which database the files of the lake belong to. Files that a database does not name are
 * removed; by another one's names those would be all.
 */
@Singleton
public final class LakeOwner {
  private final Database database;
  private final Path lake;
  private final Path mark;

  LakeOwner(Database database, DataFolder folder) {
    this.database = database;
    this.lake = folder.child("lake");
    this.mark = lake.resolve("database");
  }

  /**
   * Requires that the lake is this database's; one that is nobody's becomes its. Before anything is
   * removed from it.
   *
   * @throws StartException if it holds files of another, none of which this one names
   */
  public void require() {
    database.run(
        transaction -> {
          // Servers that start together look one after the other.
          LakeWriter.lock(transaction);
          require(transaction);
        });
  }

  private void require(Transaction transaction) {
    String id =
        transaction
            .first("select id::text as id from database_identity", row -> row.text("id"))
            .orElseThrow();
    try {
      String owner = Files.exists(mark) ? Files.readString(mark).strip() : "";
      if (owner.equals(id)) {
        return;
      }
      // A backup of before this database had an id has another one, and names what is there.
      if (holdsFiles() && !namesAny(transaction)) {
        throw new StartException(
            ("the files in %s belong to another database%s, and this one names none of them: start"
                    + " with their own, or choose another --data-dir; to give them to this one, which"
                    + " removes what it does not name, write %s into %s")
                .formatted(lake, owner.isEmpty() ? "" : " '" + owner + "'", id, mark));
      }
      Path part = lake.resolve("database.part");
      Files.writeString(part, id + "\n");
      Files.move(part, mark, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | UncheckedIOException e) {
      throw new StartException("%s cannot be used: %s".formatted(lake, e.getMessage()), e);
    }
  }

  // Only where something is removed by name: a disk of its own has folders that nobody may read.
  private boolean holdsFiles() throws IOException {
    for (String folder : List.of("samples", "datasets")) {
      if (Files.isDirectory(lake.resolve(folder))) {
        try (Stream<Path> files = Files.walk(lake.resolve(folder))) {
          if (files.anyMatch(Files::isRegularFile)) {
            return true;
          }
        }
      }
    }
    return false;
  }

  private boolean namesAny(Transaction transaction) {
    return transaction
        .list(
            """
            select 'lake/' || path as file from lake_file
            union all select series_file from snapshot where series_file is not null
            union all select collected_file from snapshot where collected_file is not null
            """,
            row -> row.text("file"))
        .stream()
        .anyMatch(file -> Files.isRegularFile(lake.resolveSibling(file)));
  }
}
