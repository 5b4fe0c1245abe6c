internal import Model

/// The lines that mend what only Terraform or IAM can mend, ready to be copied. What we do not know stands in capitals.
enum PolicyText {
    /// An ingress rule of a security group.
    static func ingress(port: Int, from: String, to: String) -> String {
        "in \(to) security group: ingress { from_port = \(port), to_port = \(port), protocol = \"tcp\", "
            + "security_groups = [ID of \(from)] }"
    }

    static func readSecret(_ secretID: String, region: String?, account: String?) -> String {
        statement("secretsmanager:GetSecretValue", arn(secretID, region, account))
    }

    /// This action knows no resources.
    static let readBatch = statement("secretsmanager:BatchGetSecretValue", "*")

    static func decrypt(_ secretID: String, region: String?) -> String {
        // An ARN has the region as its fourth part.
        let parts = secretID.split(separator: ":", omittingEmptySubsequences: false)
        let named = secretID.hasPrefix("arn:") && parts.count > 4 ? String(parts[3]) : nil
        let via = "secretsmanager.\(region ?? named ?? "REGION").amazonaws.com"
        return #"{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "ARN-OF-THE-KEY", "Condition": "#
            + #"{"StringEquals": {"kms:ViaService": "\#(via)"}}}"#
    }

    private static func statement(_ action: String, _ resource: String) -> String {
        #"{"Effect": "Allow", "Action": "\#(action)", "Resource": "\#(resource)"}"#
    }

    /// Six characters that AWS chooses end a secret's ARN.
    private static func arn(_ secretID: String, _ region: String?, _ account: String?) -> String {
        if secretID.hasPrefix("arn:") { return secretID }
        return "arn:aws:secretsmanager:\(region ?? "REGION"):\(account ?? "ACCOUNT"):secret:\(secretID)-??????"
    }
}
