package io.skerry.control.packaging;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.CandidateFile;
import io.skerry.api.CandidateFiles;
import io.skerry.api.Judging;
import io.skerry.api.Packaging;
import io.skerry.api.PackagingRequest;
import io.skerry.api.ReleaseFloor;
import io.skerry.api.TimingsTold;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(CandidateFile.class)
@SerdeImport(CandidateFiles.class)
@SerdeImport(Judging.class)
@SerdeImport(Packaging.class)
@SerdeImport(PackagingRequest.class)
@SerdeImport(ReleaseFloor.class)
@SerdeImport(TimingsTold.class)
final class PackagingJson {
  private PackagingJson() {}
}
