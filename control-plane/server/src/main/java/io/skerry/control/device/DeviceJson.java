package io.skerry.control.device;

import io.micronaut.serde.annotation.SerdeImport;
import io.skerry.api.CertificateIssued;
import io.skerry.api.CertificateRenewal;
import io.skerry.api.DeviceView;
import io.skerry.api.Enrolment;
import io.skerry.api.EnrolmentRequest;
import io.skerry.api.EnrolmentToken;
import io.skerry.api.EnrolmentTokenRequest;
import io.skerry.api.EnrolmentTokenView;
import io.skerry.api.Preauthorisation;
import io.skerry.api.PreauthorisationRequest;
import io.skerry.api.PreauthorisationView;
import io.skerry.api.RevocationRequest;
import io.skerry.protocol.DeviceFacts;

/** Makes the API's records readable and writable as JSON. */
@SerdeImport(EnrolmentTokenRequest.class)
@SerdeImport(EnrolmentToken.class)
@SerdeImport(EnrolmentTokenView.class)
@SerdeImport(Preauthorisation.class)
@SerdeImport(PreauthorisationRequest.class)
@SerdeImport(PreauthorisationView.class)
@SerdeImport(CertificateRenewal.class)
@SerdeImport(CertificateIssued.class)
@SerdeImport(RevocationRequest.class)
@SerdeImport(EnrolmentRequest.class)
@SerdeImport(Enrolment.class)
@SerdeImport(DeviceFacts.class)
@SerdeImport(DeviceView.class)
@SerdeImport(DeviceView.SlotView.class)
@SerdeImport(DeviceView.CertificateView.class)
@SerdeImport(DeviceView.CloneView.class)
final class DeviceJson {
  private DeviceJson() {}
}
