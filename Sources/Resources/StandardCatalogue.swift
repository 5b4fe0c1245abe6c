extension Catalogue {
    /// Every kind that recipes may use. A new kind is a file in Kinds/ and a line here.
    package static let standard = Catalogue([
        RepositoryResource.self,
        PackageResource.self,
        UpgradeResource.self,
        GroupResource.self,
        UserResource.self,
        DirectoryResource.self,
        FileResource.self,
        LineResource.self,
        SymlinkResource.self,
        UnitFileResource.self,
        CertificateResource.self,
        ServiceResource.self,
        ReleaseResource.self,
        RebootResource.self,
        TimerResource.self,
        SysctlResource.self,
        HostnameResource.self,
        MountResource.self,
        CommandResource.self,
        OnceResource.self,
        TransferResource.self,
    ])
}

extension BatchCatalogue {
    /// Every way to ask.
    package static let standard = BatchCatalogue([
        PathBatch.self,
        DigestBatch.self,
        WholeDigestBatch.self,
        TextBatch.self,
        LineBatch.self,
        PublicKeyBatch.self,
        PackageBatch.self,
        DnfExclusionBatch.self,
        UpgradeBatch.self,
        UnitBatch.self,
        UserBatch.self,
        GroupBatch.self,
        ReleaseBatch.self,
        InputBatch.self,
        RebootBatch.self,
        SysctlBatch.self,
        HostnameBatch.self,
        MountBatch.self,
        ScriptBatch.self,
        PortBatch.self,
        ReachBatch.self,
        HTTPBatch.self,
        OwedBatch.self,
        LedgerBatch.self,
        CredentialBatch.self,
    ])
}
