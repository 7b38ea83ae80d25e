package io.skerry.control.device;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Post;
import io.skerry.api.CertificateIssued;
import io.skerry.api.CertificateRenewal;
import io.skerry.api.Enrolment;
import io.skerry.api.EnrolmentRequest;
import io.skerry.control.access.Caller;
import io.skerry.control.access.ForDevices;
import io.skerry.control.access.OnPort;
import io.skerry.control.access.Open;
import io.skerry.control.web.RequestIds;

/** What devices do about their identity. */
@Controller("/v1")
final class EnrolmentController {
  private final Enrolments enrolments;
  private final DeviceIdentities identities;

  EnrolmentController(Enrolments enrolments, DeviceIdentities identities) {
    this.enrolments = enrolments;
    this.identities = identities;
  }

  @Post("/enrolments")
  @Open
  @OnPort(OnPort.Port.DEVICES)
  HttpResponse<Enrolment> enrol(HttpRequest<?> http, @Body EnrolmentRequest request) {
    return HttpResponse.created(enrolments.enrol(request, RequestIds.of(http)));
  }

  @Post("/certificates")
  @ForDevices
  @OnPort(OnPort.Port.DEVICES)
  HttpResponse<CertificateIssued> renew(
      HttpRequest<?> http, Caller.Device device, @Body CertificateRenewal request) {
    return HttpResponse.created(
        new CertificateIssued(identities.renew(device, request.csr(), RequestIds.of(http))));
  }
}
